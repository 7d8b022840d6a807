"""Servers that tests of queues share, each for a whole process of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka_brokers import kafka_broker

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
    with kafka_broker() as broker:
        yield broker
