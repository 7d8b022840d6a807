"""Routes and runs: where the next run begins, and the books."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from ledger_runs import WINDOW, begin, finish, retrying, row
from sqlalchemy import select

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RouteState, RunRef
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.checkpoints import set_cursor, set_mark
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, find_run, note_outage, route_state
from airflow_integrations.ledger.storage import tables
from airflow_integrations.window import Window


def books(ledger: Ledger, run: RunRef):
    with ledger.read() as connection:
        return connection.execute(select(tables.run).where(tables.run.c.id == run.id)).one()


def test_a_run_is_known_from_its_beginning(ledger: Ledger) -> None:
    assert find_run(ledger, "orders", "first") is None
    run = begin(ledger)
    assert (run.route, run.run_id) == ("orders", "first")
    assert find_run(ledger, "orders", "first") == run
    assert find_run(ledger, "customers", "first") is None
    other = begin(ledger, route="customers")
    assert (other.id, other.route_id) != (run.id, run.route_id)


def test_a_run_that_begins_again_keeps_its_start_and_takes_the_new_definition(ledger: Ledger) -> None:
    run = begin(ledger, now=1.0)
    finish(ledger, run, now=5.0, counts={"fetched": 2})
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), WINDOW.end)
    again = begin_run(
        ledger, "orders", "first", kind="manual", window=window, route_hash="def", staging="elsewhere", now=9.0
    )
    assert again == run
    got = books(ledger, run)
    assert (got.started, got.finished, got.route_hash, got.staging) == (1.0, None, "def", "elsewhere")
    assert (got.window_start, got.window_end) == ("2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z")


def test_the_books_are_closed_with_all_that_they_say(ledger: Ledger) -> None:
    run = begin(ledger)
    finish(ledger, run, counts={"fetched": 2}, seconds={"fetch": 1.5}, verdict="2 failed", bytes=2**40, now=7.0)
    got = books(ledger, run)
    assert (msgspec.json.decode(got.counts), msgspec.json.decode(got.seconds)) == ({"fetched": 2}, {"fetch": 1.5})
    assert (got.verdict, got.bytes, got.finished) == ("2 failed", 2**40, 7.0)


def test_the_mark_never_moves_back(ledger: Ledger) -> None:
    run = begin(ledger)
    assert route_state(ledger, "orders") == RouteState()
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for mark, expected in [
        (noon, noon),
        (noon.replace(microsecond=5), noon.replace(microsecond=5)),
        (noon, noon.replace(microsecond=5)),
        (None, noon.replace(microsecond=5)),
        (noon.replace(hour=13), noon.replace(hour=13)),
    ]:
        finish(ledger, run, covered=mark and Window(WINDOW.start, mark))
        assert route_state(ledger, "orders").mark == expected


def test_a_missed_window_is_remembered_until_a_completed_run_covers_it(
    ledger: Ledger,
) -> None:
    run, day = begin(ledger), datetime(2026, 1, 31, tzinfo=UTC)

    def state() -> tuple[datetime | None, datetime | None]:
        of = route_state(ledger, "orders")
        return of.mark, of.missed

    hour = {n: day.replace(hour=n) for n in range(9)}
    finish(ledger, run, covered=Window(hour[5], hour[6]))
    finish(ledger, run, missed=hour[5])
    assert state() == (hour[6], None), "another run has covered it"
    finish(ledger, run, missed=hour[4])
    finish(ledger, run, missed=hour[3])
    assert state() == (hour[6], hour[3])
    finish(ledger, run)
    finish(ledger, run, covered=Window(hour[5], hour[7]))
    assert state() == (hour[7], hour[3])
    finish(ledger, run, covered=Window(hour[3], hour[8]))
    assert state() == (hour[8], None)
    finish(ledger, run, missed=hour[2])
    set_mark(ledger, "orders", hour[7], "ana", 0.0)
    assert state() == (hour[7], None)


def test_a_cursor_is_replaced_where_there_is_one(ledger: Ledger) -> None:
    run = begin(ledger)
    for cursor, expected in [("9", "9"), (None, "9"), ("10", "10"), ("8", "8")]:
        finish(ledger, run, cursor=cursor)
        assert route_state(ledger, "orders").cursor == expected


def test_the_newest_value_is_kept_beside_the_cursor_and_goes_when_a_person_sets_it(ledger: Ledger) -> None:
    run = begin(ledger)
    for cursor, newest, kept in [
        (None, "7", (None, "7")),
        ("5", "9", ("5", "9")),
        (None, None, ("5", "9")),
        ("given by the source", None, ("given by the source", None)),
        ("5", "9", ("5", "9")),
    ]:
        finish(ledger, run, cursor=cursor, newest=newest)
        state = route_state(ledger, "orders")
        assert (state.cursor, state.newest) == kept
    set_mark(ledger, "orders", datetime(2026, 1, 1, tzinfo=UTC), "ana", 0.0)
    assert route_state(ledger, "orders").newest == "9"
    set_cursor(ledger, "orders", "8", "ana", 0.0)
    state = route_state(ledger, "orders")
    assert (state.cursor, state.newest) == ("8", None), "what was wrong with the cursor may be wrong with this one"


def test_what_a_run_took_and_did_not_decide_is_due_at_once(ledger: Ledger) -> None:
    old, run = begin(ledger, "old"), begin(ledger, "run")
    conclude(ledger, old, [retrying("a", next_attempt=3.0), retrying("b", next_attempt=3.0)], now=2.0)
    take_due(ledger, run, now=4.0, lease_until=99.0, limit=1)
    finish(ledger, run, now=6.0)
    got = row(ledger, "a")
    assert (got.status, got.next_attempt, got.lease_until, got.run) == ("retrying", 6.0, None, run.id)
    assert row(ledger, "b").next_attempt == 3.0
    assert len(take_due(ledger, old, now=6.0, lease_until=99.0, limit=5)) == 2


def test_outages_are_counted_until_the_target_is_back(ledger: Ledger) -> None:
    run = begin(ledger)
    note_outage(ledger, run.route_id, until=60.0)
    note_outage(ledger, run.route_id, until=120.0)
    assert route_state(ledger, "orders") == RouteState(outages=2, circuit_until=120.0)
    note_outage(ledger, run.route_id, until=None)
    assert route_state(ledger, "orders") == RouteState()


def test_parts_of_a_run_that_meet_one_outage_count_it_once(ledger: Ledger) -> None:
    run = begin(ledger)
    note_outage(ledger, run.route_id, until=60.0, outages=1)
    note_outage(ledger, run.route_id, until=61.0, outages=1)
    assert route_state(ledger, "orders") == RouteState(outages=1, circuit_until=61.0)


def test_a_temporary_ledger_is_empty_and_private() -> None:
    with Ledger.temporary() as one, Ledger.temporary() as other:
        begin(one)
        assert one.dialect == "sqlite"
        assert find_run(other, "orders", "first") is None
