"""An event is called the same and has the same records, whichever way it came."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode
from airflow_integrations.ledger.inbox.event_reader import event_id_text
from airflow_integrations.ledger.inbox.unreadable_event import refused
from airflow_integrations.listen import Message
from airflow_integrations.listen.message_reader import Reader
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.route.definition import Route
from airflow_integrations.webhooks.endpoints import Addresses
from airflow_integrations.webhooks.events import event_of, names_of
from airflow_integrations.webhooks.request import Request

TELLING = {"event_id": "body.id", "records": "body.orders"}


def by_webhook(content: bytes) -> tuple[str, bytes] | str:
    """Its id and body; or why not."""
    definition = {
        "route": "orders",
        "entity": {"key": "entity.n"},
        "outgoing": {"none": {}},
        "trigger": {"webhook": {"path": "a", "verify": "none", **TELLING}},
    }
    address = Addresses({"orders": Route.load(definition)}).find("a")
    assert address is not None
    request = Request("POST", "a", {"content-type": "application/json"}, {}, content)
    try:
        event = event_of(address, request, names_of(address, request))
    except ContentError as error:
        return str(error)
    (_, records), *_ = event.parts
    return records.refused or (event.event_id, records.body)


def by_queue(content: bytes) -> tuple[str, bytes] | str:
    reader = Reader(QueueOptions.model_validate(TELLING), route="orders", source="redis", params={})
    (found,) = reader.read([Message("broker-1", content, "orders")])
    if found.reason is not None:
        assert found.event is not None
        assert refused(found.event.body) is not None
        return found.reason
    assert found.event is not None
    return found.event.event_id, found.event.body


IDS: list[Any] = [
    *("e-1", 7, 12345678901234567890, Decimal("7.50"), Decimal("1E+3"), ["a", 7], ["a", None], [], [[1], 2]),
    *(None, "", " ", True, {"a": 1}, "x" * 250, "x" * 251, "a\nb", "\u200b"),
]


@pytest.mark.parametrize("event_id", IDS, ids=repr)
def test_ids(event_id: Any) -> None:
    content = encode({"id": event_id, "orders": [{"n": 1}]})
    assert by_webhook(content) == by_queue(content)


@pytest.mark.parametrize("orders", [[], None, {}, {"n": 1}, [{"n": 1}, 2], "text", 7, True], ids=repr)
def test_records(orders: Any) -> None:
    content = encode({"id": "e", "orders": orders})
    if orders == []:
        assert by_webhook(content) == ("e", b"[]")
        return
    assert by_webhook(content) == by_queue(content)


@pytest.mark.parametrize(
    ("value", "text"), [("e-1", "e-1"), (7, "7"), (Decimal("7.50"), "7.50"), (["a", 7], "a|7"), ("x" * 250, "x" * 250)]
)
def test_what_names_an_event(value: Any, text: str) -> None:
    assert event_id_text(value) == text
