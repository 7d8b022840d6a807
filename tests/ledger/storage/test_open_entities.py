"""What is open is found by its own index: a route with millions of delivered entities is not read for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ledger_runs import begin, delivered, finish, retrying
from sqlalchemy import event, text

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.due_routes import due_routes
from airflow_integrations.ledger.records import Outcome, RetryWanted
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.claims import renew_leases
from airflow_integrations.ledger.runs.fetch_queries import kept_in
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.storage import tables


@pytest.fixture
def large(ledger: Ledger) -> Ledger:
    """Many entities are closed and two are open."""
    run = begin(ledger)
    closed = [delivered(f"{number:05}", payload_stage="push", payload_at=number) for number in range(5000)]
    conclude(ledger, run, [*closed, retrying("a", next_attempt=5.0), Outcome(key="b", status="failed")], now=2.0)
    finish(ledger, run)
    if ledger.dialect == "postgresql":
        with ledger.write() as connection:
            # Its own tables only: those of other tests come and go beside it.
            connection.execute(text("ANALYZE " + ", ".join(tables.metadata.tables)))
    return ledger


@contextmanager
def plans(ledger: Ledger) -> Iterator[list[str]]:
    """How the database finds the entities of each statement, as it says itself."""
    found: list[str] = []
    explain = "EXPLAIN QUERY PLAN" if ledger.dialect == "sqlite" else "EXPLAIN"

    def explained(connection, cursor, statement, parameters, context, executemany):
        if "integrations_entity" in statement and statement.startswith(("SELECT", "UPDATE")):
            with connection.connection.cursor() if ledger.dialect == "postgresql" else _cursor(connection) as raw:
                raw.execute(f"{explain} {statement}", parameters)
                found.append(" / ".join(str(row[-1]) for row in raw.fetchall()))

    event.listen(ledger._engine, "before_cursor_execute", explained)
    try:
        yield found
    finally:
        event.remove(ledger._engine, "before_cursor_execute", explained)


@contextmanager
def _cursor(connection) -> Iterator[Any]:
    cursor = connection.connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger, run: take_due(ledger, run, now=9.0, lease_until=20.0, limit=10),
        lambda ledger, run: take_due(
            ledger, run, now=9.0, lease_until=20.0, limit=10, wanted=RetryWanted(statuses=frozenset({"failed"}))
        ),
        lambda ledger, run: take_due(
            ledger, run, now=9.0, lease_until=20.0, limit=10, wanted=RetryWanted(keys=frozenset({"b", "00001"}))
        ),
        lambda ledger, run: due_routes(ledger, 9.0),
        lambda ledger, run: renew_leases(ledger, run, lease_until=30.0),
        lambda ledger, run: kept_in(ledger, run),
        lambda ledger, run: finish(ledger, run),
    ],
    ids=["due", "wanted by status", "wanted by key", "due routes", "renewed", "kept", "given back"],
)
def test_open_entities_are_found_by_their_index(large: Ledger, ask) -> None:
    run = begin(large, "second")
    with plans(large) as found:
        ask(large, run)
    assert found
    for plan in found:
        ways = ("integrations_entity_open", "integrations_entity_payload", "key=?", "(key)::text = ANY")
        assert any(way in plan for way in ways), plan
        assert "Seq Scan on integrations_entity" not in plan


def test_what_a_person_takes_from_among_the_closed_is_open_until_it_has_its_fate(large: Ledger) -> None:
    run, other = begin(large, "second"), begin(large, "third")
    wanted = RetryWanted(keys=frozenset({"00001"}), statuses=frozenset({"delivered"}))
    assert [due.key for due in take_due(large, run, now=9.0, lease_until=20.0, limit=9, wanted=wanted)] == ["00001"]
    assert due_routes(large, 9.0) == ["orders"]  # a
    assert [due.key for due in take_due(large, other, now=21.0, lease_until=30.0, limit=9)] == ["a", "00001"]
    finish(large, other, now=25.0)
    assert [due.key for due in take_due(large, begin(large, "4"), now=26.0, lease_until=30.0, limit=9)] == [
        "00001",
        "a",
    ]  # both are due since 25
