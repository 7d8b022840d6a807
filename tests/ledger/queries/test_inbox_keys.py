"""An entity that lies in the inbox is found by its key, on both databases."""

from __future__ import annotations

import pytest

from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.inbox_keys import event_with_key


def event(event_id: str, body: bytes) -> NewEvent:
    return NewEvent(route="orders", event_id=event_id, body=body, source="webhook")


@pytest.mark.parametrize(
    ("key", "expression", "received"),
    [
        ("7", "order.number", 2.0),
        ("8", "order.number", 3.0),
        ("9", "order.number", None),
        ("é/1", "order.number", 3.0),
        ("A-7", '"A-" + text(order.number)', 2.0),
        ("7", "order.(", None),
        ("7", "", None),
    ],
)
def test_the_oldest_event_with_the_key_says_since_when(
    ledger: Ledger, key: str, expression: str, received: float | None
) -> None:
    ledger.inbox.put([event("a", b'[{"number":7}]'), event("broken", b"[{]")], now=2.0)
    ledger.inbox.put(
        [event("b", b'[{"number":8},{"number":"\\u00e9/1"}]'), event("c", b'[{"number":7,"x":9}]')], now=3.0
    )
    assert event_with_key(ledger, "orders", key, "order", expression, seconds=5) == received
    assert event_with_key(ledger, "other", key, "order", expression, seconds=5) is None
    assert event_with_key(ledger, "orders", key, "order", expression, seconds=0) is None
