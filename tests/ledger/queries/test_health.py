"""What alerts and gauges are worked out from."""

from __future__ import annotations

from ledger_rows import NOW, Rows

from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.queries.health import Books, EndedRun, RunHealth, books_since, depths, run_health
from airflow_integrations.ledger.runs.runs import note_outage


def test_what_waits_is_counted_by_route_and_status(database):
    rows, stock = Rows(database), Rows(database, "stock")
    rows.entities(["1", "2"], "delivered")
    rows.open("3", "retrying", since=NOW - 100)
    rows.open("4", "retrying", since=NOW - 500)
    rows.open("5", "failed", since=NOW - 9000)
    orders, other = depths(database, NOW)
    assert (orders.route, other.route) == ("orders", "stock")
    assert orders.counts == {"pending": 0, "retrying": 2, "in_doubt": 0, "waiting": 0, "rejected": 0, "failed": 1}
    assert orders.oldest == NOW - 500
    assert orders.circuit_until is None
    assert set(other.counts.values()) == {0}
    assert other.oldest is None
    assert stock.route_id != rows.route_id


def test_what_waits_in_the_inbox(database):
    Rows(database)
    events = [NewEvent(route="orders", event_id=f"e{n}", source="webhook", body=b"[]") for n in range(3)]
    Inbox(database).put(events[:2], NOW - 90)
    Inbox(database).put(events[2:], NOW - 10)
    (orders,) = depths(database, NOW)
    assert (orders.events, orders.oldest_event, orders.oldest) == (3, NOW - 90, None)


def test_a_target_that_is_away_is_known(database, ledger):
    rows = Rows(database)
    note_outage(ledger, rows.route_id, until=NOW + 60)
    (orders,) = depths(database, NOW)
    assert orders.circuit_until == NOW + 60
    (orders,) = depths(database, NOW + 61)
    assert orders.circuit_until is None


def test_a_route_that_never_ran_is_healthy(database):
    assert depths(database, NOW) == []
    assert run_health(database, "orders", seen=0.0, since=0.0) == RunHealth()


def test_how_runs_ended(database):
    rows = Rows(database)  # with a run that has not ended
    nothing = run_health(database, "orders", seen=0.0, since=0.0)
    assert (nothing.newest, nothing.failed, nothing.books, nothing.scheduled_until) == (None, 0, Books(), None)
    books = '{"fetched": 10, "delivered": 9, "failed": 1}'
    rows.run("r1", started=NOW - 7000, finished=NOW - 900, verdict="old", counts=books)
    rows.run(
        "r2", started=NOW - 400, finished=NOW - 300, verdict="1 failed", counts=books, window_end="2026-09-01T02:00:00Z"
    )
    rows.run("r3", started=NOW - 250, finished=NOW - 200, verdict="2 failed", counts=books, kind="manual")
    rows.run("r4", started=NOW - 150, finished=NOW - 100, counts="{}", window_end="2026-09-01T03:00:00Z")
    rows.run("by hand", finished=NOW - 50, verdict="seen by who ran it", kind="cli", counts="{}")
    Rows(database, "stock").run("s1", finished=NOW, verdict="of another route")
    health = run_health(database, "orders", seen=NOW - 600, since=NOW - 250)
    assert health.newest == EndedRun("r4", NOW - 100, None)
    assert health.failed == 2
    assert health.last_failed == EndedRun("r3", NOW - 200, "2 failed")
    assert health.books == Books(runs=3, failed=2, counts={"fetched": 10, "delivered": 9, "failed": 1})
    assert books_since(database, "orders", NOW - 250) == health.books
    assert books_since(database, "nothing", NOW - 250) == Books()
    assert health.received == NOW - 200
    assert health.scheduled_until == "2026-09-01T03:00:00Z"
    again = run_health(database, "orders", seen=NOW - 100, since=None)
    assert (again.newest, again.failed, again.last_failed, again.books) == (health.newest, 0, None, Books())
