"""What people decide about entities, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ledger_rows import NOW, Rows

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.entity_actions import (
    CONFIRMABLE,
    RETRIABLE,
    SKIPPABLE,
    confirm,
    count,
    retry,
    skip,
)
from airflow_integrations.ledger.actions.payload_edits import EDITABLE, edit
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.records import Outcome, RetryWanted
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.ledger.status import STATUSES, may_follow
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.window import Window

BY = "cli:ana"


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


def of(*keys: str, **description) -> Selection:
    return Selection("orders", keys=frozenset(keys) or None, **description)


def last(rows: Rows, key: str):
    found = where(rows.database, "orders", key, NOW)
    assert found is not None
    return found.history[0]


def test_only_transitions_of_the_table_are_possible():
    assert {"failed", "rejected", "in_doubt", "retrying", "waiting", "skipped"} == RETRIABLE
    assert {"failed", "rejected", "in_doubt", "retrying", "waiting"} == SKIPPABLE == EDITABLE
    assert {"in_doubt", "waiting"} == CONFIRMABLE
    for before in STATUSES:
        assert before not in RETRIABLE or may_follow(before, "retrying")
        assert before not in SKIPPABLE or may_follow(before, "skipped")
        assert before not in CONFIRMABLE or (may_follow(before, "delivered") and may_follow(before, "failed"))


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_each_action_touches_what_may_follow_and_leaves_the_rest(rows, status):
    actions = [
        ("retrying", RETRIABLE, lambda: retry(rows.database, of("1"), BY, NOW)),
        ("skipped", SKIPPABLE, lambda: skip(rows.database, of("1"), "a test order", BY, NOW)),
        ("delivered", CONFIRMABLE, lambda: confirm(rows.database, of("1"), "delivered", BY, NOW)),
        ("failed", CONFIRMABLE, lambda: confirm(rows.database, of("1"), "failed", BY, NOW, reason="lost")),
    ]
    rows.open("1", status)
    for after, allowed, act in actions:
        with rows.database.write() as connection:
            connection.exec_driver_sql(f"UPDATE integrations_entity SET status = '{status}'")
        before = rows.of("1")
        if status in allowed:
            assert act().entities == 1
            assert rows.of("1").status == after
        else:
            with pytest.raises(RunError, match="in flight" if status in ("pending", "in_flight") else f"1 is {status}"):
                act()
            assert rows.of("1") == before


def test_a_retry_begins_again_and_is_due_at_once(rows):
    rows.open("1", "failed", attempts=8, since=NOW - 90_000, next_attempt=None)
    rows.open("2", "retrying", next_attempt=NOW + 9000)
    acted = retry(rows.database, of(statuses=frozenset({"failed", "retrying"})), BY, NOW)
    assert (acted.entities, acted.left) == (2, ())
    for key in ("1", "2"):
        row = rows.of(key)
        assert (row.status, row.attempts, row.since, row.next_attempt, row.changed) == ("retrying", 0, NOW, NOW, NOW)
        assert (row.hash, row.message, row.payload_at) == ("ab" * 16, "price is missing", 4)
        assert last(rows, key).reason == "retry by cli:ana"
    (action,) = rows.actions()
    assert (action.what, action.by, action.at, action.entities) == ("retry", BY, NOW, 2)
    assert action.selection == '{"statuses":["failed","retrying"]}'


def test_without_its_payload_it_has_to_be_fetched_again(rows):
    gone = rows.run("scheduled__0", staging="")
    rows.open("1", "failed", payload_run=gone)
    rows.open("2", "failed", payload_run=None)
    with pytest.raises(RunError, match=r"of 2 the payload is gone: .*airflow-integrations run orders --key 1 --key 2"):
        retry(rows.database, of("1", "2"), BY, NOW)
    assert rows.actions() == []
    rows.open("3", "failed")
    edit(rows.database, "orders", "1", "{}", BY, NOW)
    acted = retry(rows.database, of(fingerprint="f" * 16), BY, NOW)
    assert acted.entities == 2
    assert len(acted.left) == 1
    assert (rows.of("1").status, rows.of("2").status, rows.of("3").status) == ("retrying", "failed", "retrying")
    assert skip(rows.database, of("2"), "not wanted", BY, NOW).entities == 1


def test_what_a_run_has_leased_is_the_runs(rows):
    rows.opened(["1", "2"], "failed")
    rows.claim(["1"])
    acted = skip(rows.database, of("1", "2"), "no", BY, NOW)
    assert acted.entities == 1
    assert acted.left == ("1 is in flight in a run: ask again when it has ended",)
    assert rows.of("1").status == "failed"
    with pytest.raises(RunError, match="in flight"):
        edit(rows.database, "orders", "1", "{}", BY, NOW)


def test_many_are_more_than_one_statement(rows):
    rows.opened([f"{number:05}" for number in range(5_100)], "failed")
    selection = of(statuses=frozenset({"failed"}))
    assert count(rows.database, selection, RETRIABLE, NOW) == 5_100
    assert retry(rows.database, selection, BY, NOW).entities == 5_100


def test_a_skipped_one_is_closed_with_its_reason_and_can_be_retried(rows):
    rows.open("1", "rejected", payload_stage="problems-transform")
    edit(rows.database, "orders", "1", "{}", BY, NOW)
    skip(rows.database, of("1"), "a test order\x00", BY, NOW)
    row = rows.of("1")
    assert (row.status, row.hash, row.message, row.fingerprint, row.attempts, row.payload_at) == (
        "skipped",
        None,
        None,
        None,
        0,
        4,
    )
    assert last(rows, "1").reason == "a test order\ufffd (by cli:ana)"
    assert rows.overlays() == {}
    assert retry(rows.database, of("1"), BY, NOW).entities == 1
    with pytest.raises(RunError, match="say why"):
        skip(rows.database, of("1"), " ", BY, NOW)


def test_a_confirmed_delivery_is_like_any_other(rows):
    rows.open("1", "waiting", deliveries=1, delivered_hash="00" * 16, target_id="old", deadline=NOW + 5)
    rows.open("2", "in_doubt", deliveries=1, deleted=True, delivered_hash="00" * 16, target_id="T2")
    confirm(rows.database, of("1"), "delivered", BY, NOW, target_id="T1")
    confirm(rows.database, of("2"), "delivered", BY, NOW)
    one, two = rows.of("1"), rows.of("2")
    assert (one.status, one.delivered_hash, one.delivered_version, one.delivered_at, one.deliveries, one.target_id) == (
        "delivered",
        "ab" * 16,
        "7",
        NOW,
        2,
        "T1",
    )
    assert (one.hash, one.deadline, one.message) == (None, None, None)
    assert (two.delivered_hash, two.deleted, two.target_id, two.deliveries) == (None, True, "T2", 2)
    assert last(rows, "1").reason == "confirmed by cli:ana"


def test_a_confirmed_failure_says_why(rows):
    rows.open("1", "waiting", deadline=NOW + 5)
    confirm(rows.database, of("1"), "failed", BY, NOW, reason="credit limit")
    row = rows.of("1")
    assert (row.status, row.error_class, row.message, row.deadline, row.http_status) == (
        "failed",
        "refused",
        "credit limit",
        None,
        None,
    )
    assert row.fingerprint != "f" * 16
    assert row.hash == "ab" * 16
    assert last(rows, "1").reason == "credit limit (confirmed by cli:ana)"


@pytest.mark.parametrize(
    ("keys", "became", "more", "told"),
    [
        (("1", "2"), "delivered", {"target_id": "T"}, "one entity"),
        (("1",), "failed", {"target_id": "T", "reason": "x"}, "one entity"),
        (("1",), "delivered", {"target_id": "T" * 513}, "512"),
        (("1",), "failed", {}, "say why"),
    ],
)
def test_confirmations_that_do_not_fit_are_refused(rows, keys, became, more, told):
    rows.opened(["1", "2"], "waiting")
    with pytest.raises(RunError, match=told):
        confirm(rows.database, of(*keys), became, BY, NOW, **more)
    assert rows.of("1").status == "waiting"


def test_nothing_that_fits_is_an_error_with_what_is_known(rows):
    with pytest.raises(RunError, match="the ledger has none with this key, status and error: 9"):
        retry(rows.database, of("9", "9\n9"), BY, NOW)
    with pytest.raises(RunError, match="no entity fits this description"):
        retry(rows.database, of(fingerprint="0" * 16), BY, NOW)
    with pytest.raises(RunError, match="say which entities"):
        of()
    with pytest.raises(RunError, match="does not know the route stock"):
        retry(rows.database, Selection("stock", keys=frozenset({"1"})), BY, NOW)


def test_with_a_run_before_and_a_run_after(ledger):
    """What a run concluded, a person decides about, and the next run takes over."""

    def begin(name: str, now: float):
        window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
        return begin_run(
            ledger, "orders", name, kind="manual", window=window, route_hash="h", staging=f"/s/{name}", now=now
        )

    first = begin("manual__1", NOW)
    reservation = reserve(ledger, first, ["1", "2", "3"], first=0, lease_until=NOW + 60, now=NOW)
    with pytest.raises(RunError, match="the ledger has none"):
        retry(ledger, of("1"), BY, NOW)
    found = where(ledger, "orders", "1", NOW)
    assert found is not None
    assert (found.status, found.decided) == ("in_flight", None)
    problem: dict[str, Any] = {
        "error_class": "refused",
        "http_status": 422,
        "attempts": 1,
        "since": NOW,
        "hash": "ab" * 16,
    }
    conclude(
        ledger,
        first,
        [
            Outcome(key="1", status="delivered", hash="cd" * 16, target_id="T1"),
            Outcome(key="2", status="failed", reason="no price", payload_stage="push", payload_at=1, **problem),
            Outcome(key="3", status="failed", reason="no price", payload_stage="push", payload_at=2, **problem),
        ],
        now=NOW,
        claims=[reservation.claim] if reservation.claim is not None else [],
        applied=3,
    )
    found = where(ledger, "orders", "2", NOW)
    assert found is not None
    assert found.fingerprint is not None
    assert [(line.status, line.run_id, line.reason) for line in found.history] == [("failed", "manual__1", "no price")]
    edit(ledger, "orders", "2", '{"price": 1}', BY, NOW + 1)
    assert retry(ledger, of(fingerprint=found.fingerprint), BY, NOW + 2).entities == 2
    second = begin("manual__2", NOW + 3)
    due = take_due(ledger, second, now=NOW + 3, lease_until=NOW + 60, limit=10, wanted=None)
    assert {one.key: one.overlay for one in due} == {"2": '{"price":1}', "3": None}
    taken = where(ledger, "orders", "2", NOW + 4)
    assert taken is not None
    assert (taken.status, taken.lease.run_id if taken.lease else None) == ("pending", "manual__2")
    again = take_due(
        ledger, begin("manual__3", NOW + 4), now=NOW + 4, lease_until=NOW + 60, limit=10, wanted=RetryWanted()
    )
    assert again == []
    with pytest.raises(RunError, match="2 are in flight"):
        skip(ledger, of("2", "3"), "no", BY, NOW + 5)
