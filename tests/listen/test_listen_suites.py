"""The conformance suite, on the kinds that the package brings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import feeds
import pytest

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


class TestKafka(ListenSuite):
    @pytest.fixture
    def feed(self) -> Iterator[Feed]:
        if "TEST_KAFKA" not in os.environ:
            pytest.skip("no Kafka is named by TEST_KAFKA, such as //127.0.0.1:9092")
        with feeds.kafka(feeds.broker("kafka")) as feed:
            yield feed


class TestSqs(ListenSuite):
    @pytest.fixture
    def feed(self, sqs_server: str) -> Iterator[Feed]:
        with feeds.sqs(sqs_server) as feed:
            yield feed


class TestFiles(ListenSuite):
    @pytest.fixture
    def feed(self, tmp_path: Path) -> Feed:
        return feeds.files(tmp_path, then="delete")
