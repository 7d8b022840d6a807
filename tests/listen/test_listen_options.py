"""What a route may say about listening, and how it is told what it may not."""

from __future__ import annotations

import importlib.metadata
import ssl
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.kafka import access as kafka_options
from airflow_integrations.queues.sqs import client_of
from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.testing import Feed

CONFIGS: dict[str, dict[str, Any]] = {
    "rabbitmq": {"connection": "x", "queue": "q"},
    "redis": {"connection": "x", "stream": "s"},
    "nats": {"connection": "x", "stream": "s", "subject": "shop.>"},
    "mqtt": {"connection": "x", "topics": ["a/#", "b"]},
    "kafka": {"connection": "x", "topics": "orders"},
    "sqs": {"connection": "x", "queue": "q"},
    "files": {"path": "/in/*.csv", "then": {"move": "done"}},
    "imap": {"connection": "x", "attachments": "*.csv", "then": {"move": "Done"}},
}


def load(listen: Any, **more: Any) -> Route:
    trigger = {"listen": listen, **more}
    return Route.load({"route": "r", "entity": {"key": "entity.id"}, "trigger": trigger, "outgoing": {"none": {}}})


def mistakes(listen: Any, **more: Any) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        load(listen, **more)
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_route_may_do_without_incoming_and_is_written_as_it_was(kind: str) -> None:
    route = load({kind: CONFIGS[kind]})
    assert route.incoming.kind == "none"
    dumped = route.model_dump(mode="json", exclude_unset=True)["trigger"]["listen"]
    assert load(dumped) == route


def test_every_kind_is_tested_here() -> None:
    elsewhere = {"sql_outbox", "postgres_changes"}  # tests/listen/sql
    assert set(CONFIGS) | elsewhere == set(registry.kinds("listen"))


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_client_library_is_loaded_with_a_route(kind: str) -> None:
    libraries = {"aio_pika", "aiormq", "redis", "nats", "paho", "aiokafka", "aiobotocore", "botocore", "fsspec"}
    code = (
        "import sys; from airflow_integrations.route.definition import Route; "
        f"Route.load({{'route': 'r', 'entity': {{'key': 'entity.id'}}, 'outgoing': {{'none': {{}}}}, "
        f"'trigger': {{'listen': {{{kind!r}: {CONFIGS[kind]!r}}}}}}}); print(sorted({libraries!r} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_mistakes_have_their_place() -> None:
    assert mistakes({"rabbitmk": {}})[0][1].startswith("unknown kind 'rabbitmk', did you mean 'rabbitmq'?")
    assert mistakes({})[0][1].startswith("listen holds exactly one key, the kind")
    ((loc, text),) = mistakes({"redis": {**CONFIGS["redis"], "records": "bdy.orders"}})
    assert loc == ("trigger", "listen", "redis", "records")
    assert "unknown name bdy, did you mean body?" in text
    ((loc, text),) = mistakes({"redis": {**CONFIGS["redis"], "event_id": "params.shop"}})
    assert loc == ("trigger", "listen", "redis", "event_id")
    assert "unknown param 'shop'" in text


def test_a_third_party_adds_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(
        "pigeons", "airflow_integrations.listen.redis:RedisListener", group="airflow_integrations.listen"
    )

    def found(*, group: str) -> list[EntryPoint]:
        return [point] if group == point.group else []

    monkeypatch.setattr(importlib.metadata, "entry_points", found)
    registry._added.cache_clear()
    try:
        route = load({"pigeons": CONFIGS["redis"]})
        assert route.trigger is not None
        assert route.trigger.listen is not None
        assert route.trigger.listen.kind == "pigeons"
    finally:
        registry._added.cache_clear()


def test_a_connection_says_tls() -> None:
    assert Broker("x").tls() is None
    assert Broker("x", extra={"tls": True}).tls() is not None
    unsafe = Broker("x", extra={"tls": True, "verify": False}).tls()
    assert unsafe is not None
    assert not unsafe.check_hostname
    with pytest.raises(SetupError, match="ca, cert or key"):
        Broker("x", extra={"ca": "/no/such/file"}).tls()


def test_a_connection_without_a_host_says_so() -> None:
    with pytest.raises(SetupError, match="'x' has no host"):
        Broker("x").address(1)


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        (
            Broker("x", "kafka", "k", 9093),
            {"bootstrap_servers": "k:9093", "security_protocol": "PLAINTEXT"},
        ),
        (
            Broker("x", "kafka", extra={"bootstrap.servers": "a:1,b:2", "security.protocol": "plaintext"}),
            {"bootstrap_servers": "a:1,b:2", "security_protocol": "PLAINTEXT"},
        ),
        (
            Broker("x", "kafka", "k", login="u", password="p", extra={"sasl.mechanism": "SCRAM-SHA-512"}),
            {
                "bootstrap_servers": "k:9092",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": "u",
                "sasl_plain_password": "p",
            },
        ),
    ],
)
def test_kafkas_connection_is_read_as_airflows_own_provider_reads_it(broker: Broker, expected: dict[str, str]) -> None:
    assert kafka_options(broker) == expected


@pytest.mark.parametrize(
    ("broker", "error"),
    [(Broker("broker", "kafka", "127.0.0.1", 1), OutageError), (Broker("broker", "amqp", "127.0.0.1"), SetupError)],
)
async def test_a_kafka_that_is_away_or_is_none(broker: Broker, error: type[Exception]) -> None:
    async def nobody(bodies: Any) -> None:
        raise NotImplementedError

    config = {"connection": "broker", "topics": "orders"}
    feed = Feed(kind="kafka", config=config, brokers={"broker": broker}, publish=nobody)
    with Ledger.temporary() as ledger, pytest.raises(error):
        await anext(feed.make().batches(InboxSurroundings(feed, ledger.inbox, "suite", {})))


def test_tls_that_is_wanted_is_never_left_out() -> None:
    plain = Broker("x", "kafka", "k", extra={"security.protocol": "SASL_PLAINTEXT", "tls": True})
    with pytest.raises(SetupError, match=r"wants TLS, and security\.protocol there is SASL_PLAINTEXT"):
        kafka_options(plain)
    named = {"security.protocol": "SSL", "ssl.certificate.location": "/no/such/file"}
    with pytest.raises(SetupError, match="ca, cert or key in extra"):
        kafka_options(Broker("x", "kafka", "k", extra=named))
    unchecked = {"security.protocol": "SSL", "enable.ssl.certificate.verification": False}
    assert kafka_options(Broker("x", "kafka", "k", extra=unchecked))["ssl_context"].verify_mode == ssl.CERT_NONE
    with pytest.raises(SetupError, match="begins with http://"):
        client_of(Broker("x", "aws", extra={"tls": True, "endpoint_url": "http://h"}), again=True)


def test_kafkas_tls_goes_by_the_extra() -> None:
    options = kafka_options(Broker("x", "kafka", "k", login="u", password="p", extra={"tls": True}))
    assert options["security_protocol"] == "SASL_SSL"
    assert options["ssl_context"] is not None
