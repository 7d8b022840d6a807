"""What a run's outcomes leave in the ledger."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ledger_runs import begin, delivered, retrying, row
from sqlalchemy import insert

from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.claims import renew_leases, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import applied_lines, restart_push
from airflow_integrations.ledger.storage import tables


def history(ledger: Ledger, key: str) -> list[list[Any]]:
    return [msgspec.json.decode(line) for line in row(ledger, key).history.split("\n")]


def test_a_delivery(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", version="7", target_id="T1")], now=2.5)
    got = row(ledger, "a")
    assert (got.status, got.run, got.changed, got.first_seen, got.last_seen) == ("delivered", run.id, 2.5, 2.5, 2.5)
    assert (got.delivered_hash, got.delivered_version, got.delivered_at, got.deliveries) == ("h1", "7", 2.5, 1)
    assert (got.version, got.hash, got.target_id, got.seen_run, got.deleted) == ("7", None, "T1", run.id, False)
    assert history(ledger, "a") == [[2.5, "delivered", run.id]]


def test_a_later_delivery_closes_the_errors_before_it_and_keeps_the_target_id(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", target_id="T1")], now=1.0)
    conclude(ledger, run, [retrying("a", http_status=500, deadline=99.0)], now=2.0)
    conclude(ledger, run, [delivered("a", "h2")], now=3.0)
    got = row(ledger, "a")
    assert (got.deliveries, got.delivered_hash, got.target_id, got.first_seen) == (2, "h2", "T1", 1.0)
    assert (got.attempts, got.since, got.next_attempt, got.deadline, got.hash) == (0, None, None, None, None)
    assert (got.error_class, got.fingerprint, got.message, got.http_status) == (None, None, None, None)
    assert (got.payload_run, got.payload_stage, got.payload_at) == (run.id, "push", 7)
    assert [line[1] for line in history(ledger, "a")] == ["delivered", "retrying", "delivered"]


def test_an_error_is_kept_with_all_that_helps(ledger: Ledger) -> None:
    run = begin(ledger)
    reason = "100% wrong: \x00 'it' \ud800 " + "x" * 2_000
    conclude(ledger, run, [retrying("a", reason=reason, http_status=422, version="7")], now=2.0)
    got = row(ledger, "a")
    assert (got.status, got.hash, got.version, got.attempts, got.since) == ("retrying", "h1", "7", 1, 2.0)
    assert (got.error_class, got.http_status, len(got.fingerprint)) == ("server", 422, 16)
    assert got.message.startswith("100% wrong: \ufffd 'it' ? xx")
    assert len(got.message) == 1_000
    [[at, status, by, attempts, http_status, told]] = history(ledger, "a")
    assert (at, status, by, attempts, http_status, len(told)) == (2.0, "retrying", run.id, 1, 422, 300)


def test_the_first_attempt_of_a_state_is_remembered_and_that_of_a_new_state_counts_anew(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", since=2.0)], now=2.0)
    conclude(ledger, run, [retrying("a", since=3.0, attempts=2)], now=3.0)
    assert (row(ledger, "a").since, row(ledger, "a").attempts) == (2.0, 2)
    conclude(ledger, run, [retrying("a", since=4.0, hash="h2")], now=4.0)
    assert row(ledger, "a").since == 4.0


def test_retrying_without_a_moment_is_due_at_once(ledger: Ledger) -> None:
    conclude(ledger, begin(ledger), [retrying("a", next_attempt=None)], now=2.0)
    assert row(ledger, "a").next_attempt == 2.0


@pytest.mark.parametrize("status", ["unchanged", "superseded", "filtered", "merged", "skipped"])
def test_other_ends_do_not_touch_what_was_delivered(ledger: Ledger, status) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", version="1", target_id="T1")], now=1.0)
    conclude(ledger, run, [retrying("a", hash="h2")], now=2.0)
    conclude(ledger, run, [Outcome(key="a", status=status, version="2"), Outcome(key="new", status=status)], now=3.0)
    got = row(ledger, "a")
    assert (got.status, got.version, got.hash, got.since, got.error_class) == (status, "2", None, None, None)
    confirmed = "2" if status == "unchanged" else "1"
    assert (got.delivered_hash, got.delivered_version, got.delivered_at, got.deliveries) == ("h1", confirmed, 1.0, 1)
    assert (row(ledger, "new").status, row(ledger, "new").deliveries) == (status, 0)


def test_unchanged_again_and_again_is_one_line_of_history(ledger: Ledger) -> None:
    first, second = begin(ledger, "first"), begin(ledger, "second")
    conclude(ledger, first, [delivered("a"), delivered("b")], now=1.0)
    for now in (2.0, 3.0):
        conclude(ledger, second, [Outcome(key="a", status="unchanged", version="8")], now=now)
    conclude(ledger, second, [Outcome(key=key, status="unchanged", version="9") for key in "ab"], now=4.0)
    for key in "ab":
        got = row(ledger, key)
        assert (got.status, got.run, got.changed, got.last_seen, got.seen_run, got.version) == (
            "unchanged", second.id, 4.0, 4.0, second.id, "9",
        )  # fmt: skip
        assert [line[1] for line in history(ledger, key)] == ["unchanged", "delivered"]
    versions = [Outcome(key=key, status="unchanged", version=key) for key in "ab"]
    conclude(ledger, second, versions, now=5.0)
    assert [row(ledger, key).version for key in "ab"] == ["a", "b"]


def test_a_deletion(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", target_id="T1")], now=1.0)
    conclude(ledger, run, [retrying("a", hash=None, deleted=True)], now=2.0)
    assert (row(ledger, "a").deleted, row(ledger, "a").delivered_hash) == (True, "h1")
    conclude(ledger, run, [delivered("a", deleted=True)], now=3.0)
    assert (row(ledger, "a").deleted, row(ledger, "a").delivered_hash, row(ledger, "a").deliveries) == (True, None, 2)
    conclude(ledger, run, [Outcome(key="a", status="filtered")], now=4.0)
    assert row(ledger, "a").deleted
    conclude(ledger, run, [delivered("a")], now=5.0)
    assert (row(ledger, "a").deleted, row(ledger, "a").delivered_hash) == (False, "h1")


def test_a_key_that_repeats_takes_all_its_outcomes_in_their_order(ledger: Ledger) -> None:
    conclude(ledger, begin(ledger), [delivered("a"), retrying("a"), delivered("b"), delivered("a", "h3")], now=2.0)
    assert (row(ledger, "a").deliveries, row(ledger, "a").delivered_hash) == (2, "h3")
    assert [line[1] for line in history(ledger, "a")] == ["delivered", "retrying", "delivered"]


def test_journal_lines_count_once(ledger: Ledger) -> None:
    run = begin(ledger)
    assert applied_lines(ledger, run) == 0
    for _ in range(2):
        conclude(ledger, run, [delivered("a"), delivered("b")], now=2.0, applied=2)
    assert (applied_lines(ledger, run), row(ledger, "a").deliveries) == (2, 1)
    claim = reserve(ledger, run, ["c"], first=0, lease_until=9.0, now=2.0).claim
    assert claim is not None
    conclude(ledger, run, [delivered("a")], now=3.0, applied=3)
    conclude(ledger, run, [delivered("a")], now=3.0, applied=2, claims=[claim])
    assert (applied_lines(ledger, run), row(ledger, "a").deliveries, renew_leases(ledger, run, lease_until=20.0)) == (
        3,
        2,
        0,
    )
    restart_push(ledger, run)
    assert applied_lines(ledger, run) == 0


def test_a_run_cannot_leave_an_entity_under_way(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"a \(in_flight\).*allowed: delivered, failed"):
        conclude(ledger, begin(ledger), [delivered("b"), Outcome(key="a", status="in_flight")], now=2.0, applied=2)
    assert row(ledger, "b") is None


def test_a_run_cannot_give_up_the_leases_of_another(ledger: Ledger) -> None:
    first, second = begin(ledger, "first"), begin(ledger, "second")
    claim = reserve(ledger, first, ["a"], first=0, lease_until=9.0, now=2.0).claim
    assert claim is not None
    conclude(ledger, second, [], now=2.0, claims=[claim])
    assert renew_leases(ledger, first, lease_until=20.0) == 1


def test_an_edited_payload_goes_when_its_entity_is_closed(ledger: Ledger) -> None:
    run = begin(ledger)
    with ledger.write() as connection:
        for key in "ab":
            connection.execute(
                insert(tables.overlay).values(
                    route_id=run.route_id, key=key, stage="push", payload="{}", by="ann", at=1.0
                )
            )
    conclude(ledger, run, [delivered("a"), retrying("b")], now=2.0)
    with ledger.read() as connection:
        assert list(connection.scalars(tables.overlay.select().with_only_columns(tables.overlay.c.key))) == ["b"]


@pytest.mark.parametrize(
    ("came", "kept"),
    [({"version": "7"}, True), ({"version": "8"}, False), ({}, True), ({"deleted": True, "version": "8"}, False)],
)
def test_an_edit_is_of_the_state_that_was_edited_and_of_no_newer_one(
    ledger: Ledger, came: dict[str, Any], kept: bool
) -> None:
    """The newer state would go out with what somebody wrote about the older one, and nobody would see it."""
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", version="7"), retrying("b", version="7")], now=1.0)
    edit(ledger, "orders", "a", '{"price": 1}', "cli:ana", 1.5)
    conclude(ledger, run, [retrying("a", **came), retrying("b", version="9")], now=2.0)
    (due,) = take_due(ledger, run, now=99.0, lease_until=199.0, limit=1)
    assert (due.key, due.overlay) == ("a", '{"price":1}' if kept else None)
    told = "the payload that cli:ana has edited is of version 7: it is not used"
    assert (told in row(ledger, "a").history) is not kept
    assert told not in row(ledger, "b").history


def test_whatever_a_target_calls_its_entities_fits(ledger: Ledger) -> None:
    odd = "\x00 \x1f \x1e \ud800 %s 'é' " + "x" * 600
    conclude(ledger, begin(ledger), [delivered("a", target_id=odd, version=odd), delivered("b", target_id="")], now=2.0)
    assert row(ledger, "a").target_id == row(ledger, "a").version
    assert row(ledger, "a").target_id.startswith("\ufffd \ufffd \ufffd ? %s 'é' xx")
    assert len(row(ledger, "a").target_id) == 512
    assert row(ledger, "b").status == "delivered"


def test_a_history_is_bounded(ledger: Ledger) -> None:
    run = begin(ledger)
    for number in range(10):
        conclude(ledger, run, [retrying("a", reason="x" * 1_000)], now=float(number))
    assert len(row(ledger, "a").history) == 2_000
    assert row(ledger, "a").history.startswith('[9.0,"retrying"')
