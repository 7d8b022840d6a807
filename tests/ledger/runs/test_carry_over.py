"""What earlier runs left behind."""

from __future__ import annotations

import pytest
from ledger_runs import WINDOW, begin, delivered, finish, retrying, row
from sqlalchemy import insert

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Due, Lapsed, Outcome, PayloadRef, RetryWanted
from airflow_integrations.ledger.runs.carry_over import lapsed_runs, take_due
from airflow_integrations.ledger.runs.claims import renew_leases, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.vanished import note_seen, vanished, vanished_count
from airflow_integrations.ledger.storage import tables


def take(ledger: Ledger, run, now: float = 20.0, limit: int = 10, **wanted) -> list[str]:
    choice = RetryWanted(**wanted) if wanted else None
    return [due.key for due in take_due(ledger, run, now=now, lease_until=now + 10, limit=limit, wanted=choice)]


@pytest.fixture
def left(ledger: Ledger) -> Ledger:
    """One entity of every kind that a run can leave open."""
    old = begin(ledger, "old")
    outcomes = [
        retrying("later", next_attempt=90.0),
        retrying("now", next_attempt=15.0),
        retrying("sooner", next_attempt=14.0),
        Outcome(key="held", status="in_doubt", hash="h1"),
        Outcome(key="doubt", status="in_doubt", hash="h1", next_attempt=16.0),
        Outcome(key="failed", status="failed", hash="h1", error_class="refused", reason="no sku 'x'"),
        Outcome(key="rejected", status="rejected", error_class="rejected", reason="no sku 'y'"),
        Outcome(key="waiting", status="waiting", deadline=99.0),
        delivered("closed"),
    ]
    conclude(ledger, old, outcomes, now=2.0)
    return ledger


def test_due_ones_come_the_longest_due_first_and_only_once(left: Ledger) -> None:
    run, other = begin(left), begin(left, "other")
    assert take(left, run, limit=2) == ["sooner", "now"]
    assert take(left, other) == ["doubt"]
    assert take(left, run) == take(left, other) == []
    assert row(left, "now").status == "pending"


def test_where_the_payload_is_comes_along(left: Ledger) -> None:
    assert take_due(left, begin(left), now=20.0, lease_until=30.0, limit=1) == [
        Due("sooner", "retrying", None, PayloadRef("staged/old", "push", 7), None, False)
    ]


def test_an_edited_payload_comes_along_even_where_the_staged_one_is_gone(left: Ledger) -> None:
    run = begin(left)
    with left.write() as connection:
        for key, stage in (("sooner", "push"), ("now", "problems-fetch")):
            connection.execute(
                insert(tables.overlay).values(
                    route_id=run.route_id, key=key, stage=stage, payload='{"a":1}', by="ann", at=1.0
                )
            )
        connection.execute(tables.run.update().where(tables.run.c.run_id == "old").values(staging=""))
    first, second, third = take_due(left, run, now=20.0, lease_until=30.0, limit=9)
    assert (first.payload, first.overlay) == (PayloadRef("", "push", 7), '{"a":1}')
    assert (second.payload, second.overlay) == (None, None)
    assert (third.key, third.payload) == ("doubt", None)


def test_a_run_that_died_leaves_what_it_took(left: Ledger) -> None:
    dead, alive = begin(left, "dead"), begin(left, "alive")
    assert len(take(left, dead, now=20.0)) == 3
    assert take(left, alive, now=30.0) == []
    assert len(take(left, alive, now=30.5)) == 3
    assert renew_leases(left, dead, lease_until=90.0) == 0
    assert row(left, "now").run == alive.id
    assert row(left, "now").lease_until == 40.5


@pytest.mark.parametrize("wanted", [{}, {"statuses": frozenset({"retrying", "in_doubt"})}])
def test_another_attempt_of_a_run_gets_what_the_attempt_before_took(left: Ledger, wanted) -> None:
    run = begin(left)
    assert take(left, run, now=20.0) == ["sooner", "now", "doubt"]
    assert take(left, begin(left, "other"), now=21.0, **wanted)[:1] != ["sooner"]
    assert take(left, run, now=21.0, limit=2, **wanted)[:2] == ["sooner", "now"]
    assert "doubt" in take(left, run, now=21.0, **wanted)


def test_what_another_push_has_leased_is_left(left: Ledger) -> None:
    pushing, run = begin(left, "pushing"), begin(left)
    reserve(left, pushing, ["now", "sooner"], first=0, lease_until=25.0, now=20.0)
    assert take(left, run, limit=1) == ["doubt"]
    assert take(left, begin(left, "other"), now=26.0) == ["sooner", "now"]
    assert renew_leases(left, pushing, lease_until=90.0) == 0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"statuses": frozenset({"failed", "rejected"})}, {"failed", "rejected"}),
        ({"statuses": frozenset({"delivered", "in_flight", "pending"})}, {"closed"}),
        ({"keys": frozenset({"later", "held", "closed", "unknown", "now\nsooner"})}, {"later", "held"}),
        ({"keys": frozenset({"failed", "now"}), "statuses": frozenset({"failed"})}, {"failed"}),
        ({"keys": frozenset()}, set()),
    ],
)
def test_a_person_chooses(left: Ledger, wanted, expected: set[str]) -> None:
    assert set(take(left, begin(left), **wanted)) == expected


def test_a_person_chooses_all_of_one_kind_of_error(left: Ledger) -> None:
    assert take(left, begin(left), fingerprint=row(left, "failed").fingerprint) == ["failed"]


def test_vanished_is_what_was_delivered_and_is_not_seen_any_more(left: Ledger) -> None:
    old, run = begin(left, "old"), begin(left, now=20.0)
    conclude(left, old, [delivered(key, target_id=key.upper()) for key in ("a", "b", "c", "d", "e", "now")], now=3.0)
    conclude(left, old, [delivered("d", deleted=True), retrying("now", next_attempt=5.0)], now=4.0)
    assert take(left, run) == ["now", "sooner", "doubt"]
    note_seen(left, run, [["b", "unknown"], ["closed"]], 21.0)
    assert vanished(left, run, limit=9) == [("a", "A"), ("c", "C"), ("e", "E")]
    assert vanished(left, run, limit=2, after="a") == [("c", "C"), ("e", "E")]
    reserve(left, begin(left, "pushing"), ["a"], first=0, lease_until=99.0, now=20.0)
    assert vanished(left, run, limit=1) == [("c", "C")]
    assert (row(left, "b").last_seen, row(left, "b").seen_run, row(left, "unknown")) == (21.0, run.id, None)


def test_what_another_run_sees_or_delivers_meanwhile_has_not_vanished(ledger: Ledger) -> None:
    """Else each of two runs beside each other would delete all that the other one saw last."""
    conclude(ledger, begin(ledger, "old"), [delivered(key) for key in ("both", "gone", "other")], now=2.0)
    run, beside = begin(ledger, "run", now=20.0), begin(ledger, "beside", now=20.0)
    note_seen(ledger, run, [["both", "new"]], 21.0)  # the ledger does not know of the new one yet
    note_seen(ledger, beside, [["both", "new", "other"]], 21.5)
    conclude(ledger, beside, [delivered("new")], now=22.0)
    assert vanished(ledger, run, limit=9) == [("gone", None)]
    assert vanished_count(ledger, run) == 1
    assert vanished(ledger, begin(ledger, "next", now=30.0), limit=9) == [
        ("both", None),
        ("gone", None),
        ("new", None),
        ("other", None),
    ]


def test_lapsed_runs_are_told_with_what_recovery_needs(ledger: Ledger) -> None:
    dead, other = begin(ledger, "dead"), begin(ledger, "dead", route="customers")
    for run in (dead, other):
        for first in (0, 1):
            reserve(ledger, run, ["a"], first=first, lease_until=10.0, now=1.0)
    assert lapsed_runs(ledger, None, 10.0) == []
    expected = Lapsed(dead, "manual", WINDOW, "abc", "staged/dead")
    assert lapsed_runs(ledger, "orders", 11.0) == [expected]
    assert [one.run for one in lapsed_runs(ledger, None, 11.0)] == [dead, other]
    finish(ledger, dead)
    assert [one.run for one in lapsed_runs(ledger, None, 11.0)] == [other]
