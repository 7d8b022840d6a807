"""Servers that tests of queues share, each for a whole process of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka_brokers import kafka_broker
from s3_server import s3_server

from airflow_integrations.queues.broker import Broker


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """moto's: the protocol over real HTTP."""
    with s3_server() as address:
        yield address


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Broker]:
    with kafka_broker() as broker:
        yield broker
