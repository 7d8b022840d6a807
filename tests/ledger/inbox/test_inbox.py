"""Events wait, are taken by one run, and are done or wait again; none counts twice. On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ledger_runs import begin, finish
from sqlalchemy import text

from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.inbox.inbox import Inbox, TakenEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.claims import renew_leases
from airflow_integrations.ledger.runs.runs import abandon_run
from airflow_integrations.ledger.storage.database import Database


def event(event_id: str, route: str = "orders", body: bytes = b'[{"n":1}]', **more: Any) -> NewEvent:
    return NewEvent(route=route, event_id=event_id, body=body, source="webhook", **more)


def take(inbox: Inbox, run: RunRef, *, limit: int = 100, max_bytes: int = 10**6, now: float = 5.0) -> int:
    return inbox.take(run, limit=limit, max_bytes=max_bytes, lease_until=now + 100, now=now)


def numbers(events: list[TakenEvent]) -> list[int]:
    return [event.number for event in events]


@pytest.fixture
def inbox(ledger: Ledger) -> Inbox:
    return ledger.inbox


def test_an_event_waits_for_a_run_of_its_route(ledger: Ledger, inbox: Inbox) -> None:
    puts = inbox.put([event("a"), event("b", route="stock"), event("c")], now=2.0)
    assert [put.new for put in puts] == [True, True, True]
    waits = {waiting.route: waiting for waiting in inbox.waiting(now=3.0)}
    assert (waits["orders"].first, waits["orders"].events) == (puts[0].number, 2)
    assert (waits["orders"].oldest, waits["stock"].newest) == (2.0, 2.0)
    assert [waiting.route for waiting in inbox.waiting(now=3.0, routes={"stock"})] == ["stock"]
    run = begin(ledger)
    assert take(inbox, run) == 2
    assert numbers(inbox.read(run)) == [puts[0].number, puts[2].number]
    assert [waiting.route for waiting in inbox.waiting(now=3.0)] == ["stock"]


def test_a_known_id_counts_for_nothing(inbox: Inbox) -> None:
    (first,) = inbox.put([event("a")], now=2.0)
    again = inbox.put([event("a", body=b"[2]"), event("b"), event("b"), event("a", route="stock")], now=3.0)
    assert [put.new for put in again] == [False, True, False, True]
    assert again[0].number == first.number
    assert again[1].number == again[2].number
    assert {waiting.route: waiting.events for waiting in inbox.waiting(now=4.0)} == {"orders": 2, "stock": 1}


def test_ids_are_remembered_when_the_books_are_closed(ledger: Ledger, inbox: Inbox) -> None:
    inbox.put([event("a")], now=2.0)
    run = begin(ledger)
    take(inbox, run)
    finish(ledger, run)
    assert inbox.waiting(now=10**9) == []
    assert inbox.read(run) == []
    with ledger.read() as connection:
        assert connection.execute(text("SELECT body, done FROM integrations_event")).one() == (None, 50.0)
    assert [put.new for put in inbox.put([event("a")], now=60.0)] == [False]


def test_without_a_fate_they_wait_again(ledger: Ledger, inbox: Inbox) -> None:
    inbox.put([event("a")], now=2.0)
    run = begin(ledger)
    take(inbox, run)
    finish(ledger, run, decided=False)
    assert [waiting.events for waiting in inbox.waiting(now=3.0)] == [1]
    later = begin(ledger, "second")
    assert take(inbox, later) == 1
    assert inbox.read(later)[0].body == b'[{"n":1}]'


def test_only_what_was_staged_is_done(ledger: Ledger, inbox: Inbox) -> None:
    puts = inbox.put([event(name) for name in "abc"], now=2.0)
    run = begin(ledger)
    assert [taken.number for taken in inbox.grab(run, limit=2, max_bytes=10**6, lease_until=99.0, now=3.0)] == [
        puts[0].number,
        puts[1].number,
    ]
    assert numbers(inbox.grab(run, limit=2, max_bytes=10**6, lease_until=99.0, now=3.0)) == [puts[2].number]
    finish(ledger, run, staged_events=[puts[0].number, puts[2].number])
    assert [(waits.first, waits.events) for waits in inbox.waiting(now=4.0)] == [(puts[1].number, 1)]


def test_a_dead_run_that_left_nothing_gives_its_events_back(ledger: Ledger, inbox: Inbox) -> None:
    inbox.put([event("a")], now=2.0)
    run = begin(ledger)
    take(inbox, run)
    abandon_run(ledger, run)
    assert [waits.events for waits in inbox.waiting(now=3.0)] == [1]


def test_a_dead_runs_events_are_free_after_their_lease(ledger: Ledger, inbox: Inbox) -> None:
    inbox.put([event("a")], now=2.0)
    dead, next_one = begin(ledger, "dead"), begin(ledger, "next")
    take(inbox, dead, now=5.0)
    assert take(inbox, next_one, now=104.0) == 0
    renew_leases(ledger, dead, lease_until=200.0)
    assert take(inbox, next_one, now=199.0) == 0
    assert [waiting.events for waiting in inbox.waiting(now=201.0)] == [1]
    assert take(inbox, next_one, now=201.0) == 1
    assert inbox.read(dead) == []


def test_a_run_takes_no_more_than_it_is_told(ledger: Ledger, inbox: Inbox) -> None:
    puts = inbox.put([event(str(number), body=b"x" * 100) for number in range(10)], now=2.0)
    run = begin(ledger)
    assert take(inbox, run, limit=3) == 3
    assert take(inbox, run, limit=100, max_bytes=250) == 5  # those of its first attempt, and two
    assert inbox.waiting(now=6.0)[0].first == puts[5].number
    assert take(inbox, run, max_bytes=1) == 6  # one at least, however big


def test_a_run_leaves_what_came_too_late_for_it(ledger: Ledger, inbox: Inbox) -> None:
    (old,), (fresh,) = inbox.put([event("old")], now=2.0), inbox.put([event("fresh")], now=3.0)
    run = begin(ledger)
    bounds: dict[str, Any] = {"limit": 9, "max_bytes": 9, "lease_until": 100.0, "now": 5.0}
    assert inbox.take(run, **bounds, received_until=2.5) == 1
    assert numbers(inbox.read(run)) == [old.number]
    assert inbox.waiting(now=6.0)[0].first == fresh.number


def test_reading_comes_in_pieces_that_miss_nothing(ledger: Ledger, inbox: Inbox) -> None:
    puts = inbox.put([event(str(number), body=b"y" * (number + 1)) for number in range(20)], now=2.0)
    run = begin(ledger)
    take(inbox, run)
    for bounds in ({"most": 3}, {"max_bytes": 10}, {"max_bytes": 1}):
        found: list[int] = []
        while some := inbox.read(run, after=found[-1] if found else 0, **bounds):
            found += numbers(some)
        assert found == [put.number for put in puts]


def test_numbers_are_in_the_order_in_which_events_came(ledger: Ledger, inbox: Inbox) -> None:
    inbox.put([event(name) for name in "zebra"], now=2.0)
    run = begin(ledger)
    take(inbox, run)
    with ledger.read() as connection:
        found = connection.scalars(text("SELECT event_id FROM integrations_event ORDER BY id")).all()
    assert list(found) == list("zebra")


def test_writers_of_the_same_ids_never_lock_each_other_out(database: Database) -> None:
    names = [f"e{number}" for number in range(200)]
    new: list[int] = []

    def write(order: list[str]) -> None:
        own = Inbox(database)
        new.append(
            sum(
                put.new
                for first in range(0, 200, 20)
                for put in own.put([event(name) for name in order[first : first + 20]], now=2.0)
            )
        )

    writers = [
        threading.Thread(target=write, args=(order,)) for order in (names, names[::-1], names[::2] + names[1::2])
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(new) == 3
    assert sum(new) == 200
    assert Inbox(database).waiting(now=3.0)[0].events == 200


def test_two_runs_never_take_one_event(ledger: Ledger, inbox: Inbox) -> None:
    inbox.put([event(str(number)) for number in range(100)], now=2.0)
    runs = [begin(ledger, f"run-{number}") for number in range(4)]
    takers = [threading.Thread(target=take, args=(inbox, run), kwargs={"limit": 40}) for run in runs]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join(60)
    taken = [number for run in runs for number in numbers(inbox.read(run))]
    assert len(taken) == len(set(taken)) == 100


def test_keys_are_noted_for_whoever_waits(ledger: Ledger, inbox: Inbox) -> None:
    (put,) = inbox.put([event("a", wanted=True)], now=2.0)
    run = begin(ledger)
    take(inbox, run)
    assert [taken.wanted for taken in inbox.read(run)] == [True]
    inbox.note_keys([(put.number, ["1042", "1043"])])
    with ledger.read() as connection:
        assert connection.scalar(text("SELECT keys FROM integrations_event")) == '["1042","1043"]'


def test_a_synced_sqlite_waits_for_the_disk(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    for synced, expected in ((False, 1), (True, 2)):
        with Database.open(url, synced=synced) as opened, opened.read() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == expected


def test_ids_that_came_before_are_known(inbox: Inbox) -> None:
    assert inbox.known("orders", ["a"]) == set()
    inbox.put([event(f"e{number}") for number in range(1200)], now=1.0)
    asked = [f"e{number}" for number in range(600, 1800)]
    assert inbox.known("orders", asked) == {f"e{number}" for number in range(600, 1200)}
    assert inbox.known("stock", asked) == set()
