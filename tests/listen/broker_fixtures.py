"""Servers that tests of queues share, each for a whole process of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_integrations.queues.broker import Broker


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """moto's: the protocol over real HTTP."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Broker]:
    """The brokers that Kafka's C client brings for tests: its protocol over real connections, and nothing on disk."""
    from confluent_kafka import Producer

    holder = Producer({"test.mock.num.brokers": "1", "bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    (found,) = holder.list_topics(timeout=30).brokers.values()
    yield Broker("broker", "kafka", found.host, found.port)
    del holder
