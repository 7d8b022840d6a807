"""Ids of events are forgotten when their time has come, and no event that waits. On SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from ledger_runs import begin, finish
from sqlalchemy import select

from airflow_integrations.ledger.inbox.event_outcomes import event_fate
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.event_retention import prune_events
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.retention import Retention

DAY = 86_400.0


def put(ledger: Ledger, now: float, *names: str, route: str = "orders") -> None:
    ledger.inbox.put([NewEvent(route=route, event_id=name, body=b"[{}]", source="webhook") for name in names], now)


def close(ledger: Ledger, now: float, route: str = "orders") -> None:
    run = begin(ledger, f"run {now}", route)
    ledger.inbox.take(run, limit=1000, max_bytes=10**6, lease_until=now + 100, now=now)
    finish(ledger, run, now=now)


def known(ledger: Ledger) -> set[str]:
    with ledger.read() as connection:
        return set(connection.scalars(select(tables.event.c.event_id)))


@pytest.mark.parametrize("batch", [1, 3, 5_000])
def test_what_is_done_long_enough_is_forgotten(ledger: Ledger, batch: int) -> None:
    put(ledger, 1 * DAY, "a", "b")
    put(ledger, 1 * DAY, "s", route="stock")
    close(ledger, 1 * DAY)
    close(ledger, 1 * DAY, "stock")
    put(ledger, 1 * DAY, "waits")
    put(ledger, 2 * DAY, "later")
    put(ledger, 6 * DAY, "young", "newest")
    routes = {"orders": Retention(), "stock": Retention(events="10d")}
    assert prune_events(ledger, routes=routes, now=3 * DAY, batch=batch) == 0
    assert prune_events(ledger, routes=routes, now=5 * DAY, batch=batch) == 2
    assert known(ledger) == {"s", "waits", "later", "young", "newest"}
    assert prune_events(ledger, routes={}, now=50 * DAY, batch=batch) == 0
    put(ledger, 7 * DAY, "a")
    assert event_fate(ledger, "orders", "a") is not None


def test_the_number_of_the_newest_is_not_given_twice(ledger: Ledger) -> None:
    put(ledger, 1 * DAY, "a", "b")
    close(ledger, 1 * DAY)
    before = event_fate(ledger, "orders", "b")
    assert prune_events(ledger, routes={"orders": Retention()}, now=9 * DAY) == 1
    put(ledger, 9 * DAY, "c")
    after = event_fate(ledger, "orders", "c")
    assert before is not None
    assert after is not None
    assert after.number > before.number
