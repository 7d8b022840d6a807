from __future__ import annotations

from broker_fixtures import aws_server, kafka_server

__all__ = ["aws_server", "kafka_server"]
