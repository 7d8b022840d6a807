"""The conformance suite, on the kinds that the package brings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import feeds
import pytest

from airflow_integrations.queues.broker import Broker
from airflow_integrations.testing import Feed, ListenSuite


class TestRabbitmq(ListenSuite):
    @pytest.fixture
    def feed(self) -> Iterator[Feed]:
        with feeds.rabbitmq(feeds.broker("rabbitmq")) as feed:
            yield feed


class TestRedis(ListenSuite):
    @pytest.fixture
    def feed(self) -> Iterator[Feed]:
        with feeds.redis(feeds.broker("redis")) as feed:
            yield feed


class TestNats(ListenSuite):
    @pytest.fixture
    def feed(self) -> Iterator[Feed]:
        with feeds.nats(feeds.broker("nats")) as feed:
            yield feed


class TestMqtt(ListenSuite):
    @pytest.fixture
    def feed(self) -> Iterator[Feed]:
        with feeds.mqtt(feeds.broker("mqtt")) as feed:
            yield feed


@pytest.mark.long
class TestKafka(ListenSuite):
    """``TEST_KAFKA``, such as ``//127.0.0.1:9092``, names a Kafka of its own."""

    @pytest.fixture
    def feed(self, kafka_server: Broker) -> Iterator[Feed]:
        own = "TEST_KAFKA" in os.environ
        with feeds.kafka(feeds.broker("kafka") if own else kafka_server, administered=own) as feed:
            yield feed


class TestSqs(ListenSuite):
    @pytest.fixture
    def feed(self, aws_server: str) -> Iterator[Feed]:
        with feeds.sqs(aws_server) as feed:
            yield feed


class TestFiles(ListenSuite):
    @pytest.fixture
    def feed(self, tmp_path: Path) -> Feed:
        return feeds.files(tmp_path, then="delete")


class TestS3(ListenSuite):
    @pytest.fixture
    def feed(self, aws_server: str) -> Iterator[Feed]:
        with feeds.s3(aws_server, then="delete") as feed:
            yield feed

    @pytest.mark.skip("files are of no type: any Connection whose extra has fsspec's options will do")
    def test_a_connection_of_something_else_is_a_setup_error(self, feed: Feed) -> None: ...
