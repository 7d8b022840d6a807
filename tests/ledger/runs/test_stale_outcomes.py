"""A newer state that is open outlives what becomes of an older one."""

from __future__ import annotations

import pytest
from ledger_runs import begin, delivered, retrying, row

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.outcomes import conclude


@pytest.mark.parametrize(("newer", "older"), [("2", "1"), ("10", "9"), ("2026-01-02", "2026-01-01")])
def test_the_delivery_of_an_older_state_is_noted_beside_it(ledger: Ledger, newer: str, older: str) -> None:
    schedule, backfill = begin(ledger), begin(ledger, "backfill")
    conclude(ledger, schedule, [retrying("a", version=newer, hash="new", error_class="leased")], now=1.0)

    conclude(ledger, backfill, [delivered("a", "old", version=older, target_id="T1")], now=2.0)

    got = row(ledger, "a")
    assert (got.status, got.version, got.hash, got.run, got.next_attempt) == (
        "retrying", newer, "new", schedule.id, 10.0,
    )  # fmt: skip
    assert (got.payload_run, got.payload_at, got.error_class) == (schedule.id, 7, "leased")
    assert (got.delivered_hash, got.delivered_version, got.delivered_at, got.deliveries) == ("old", older, 2.0, 1)
    assert (got.target_id, got.last_seen, got.seen_run) == ("T1", 2.0, backfill.id)
    assert got.history.count("\n") == 1


@pytest.mark.parametrize("status", ["superseded", "retrying", "failed", "in_doubt", "unchanged"])
def test_no_other_fate_of_an_older_state_touches_it(ledger: Ledger, status: str) -> None:
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", version="2", hash="new")], now=1.0)
    conclude(ledger, run, [Outcome(key="a", status=status, version="1", hash="old")], now=2.0)  # type: ignore[arg-type]
    got = row(ledger, "a")
    assert (got.status, got.version, got.hash, got.delivered_hash, got.deliveries) == ("retrying", "2", "new", None, 0)


def test_within_one_group_of_outcomes_too(ledger: Ledger) -> None:
    run = begin(ledger)
    both = [retrying("a", version="2", hash="new"), retrying("a", version="1", hash="old")]
    conclude(ledger, run, both, now=1.0)
    assert (row(ledger, "a").version, row(ledger, "a").hash) == ("2", "new")


@pytest.mark.parametrize("version", ["2", "3", None])
def test_a_state_that_is_not_older_decides(ledger: Ledger, version: str | None) -> None:
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", version="2", hash="new")], now=1.0)
    conclude(ledger, run, [delivered("a", "newer", version=version)], now=2.0)
    assert (row(ledger, "a").status, row(ledger, "a").delivered_hash) == ("delivered", "newer")


def test_what_is_closed_is_not_in_the_way(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", "new", version="2"), retrying("b", version="5")], now=1.0)
    conclude(ledger, run, [Outcome(key="a", status="superseded", version="1", hash="old")], now=2.0)
    assert (row(ledger, "a").status, row(ledger, "a").delivered_version) == ("superseded", "2")


def test_a_reservation_tells_the_version_of_what_is_open(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", version="2")], now=1.0)
    assert reserve(ledger, run, ["a"], first=0, lease_until=99.0, now=2.0).known["a"].version == "2"


def test_the_rejection_of_a_state_older_than_what_was_delivered_is_only_noted(ledger: Ledger) -> None:
    schedule, backfill = begin(ledger), begin(ledger, "backfill")
    conclude(ledger, schedule, [delivered("a", "new", version="2"), delivered("b", "new", version="2")], now=1.0)
    problems = [Outcome(key=key, status="rejected", version=version) for key, version in (("a", "1"), ("b", "3"))]
    conclude(ledger, backfill, problems, now=2.0)
    assert (row(ledger, "a").status, row(ledger, "a").history.count("\n")) == ("delivered", 1)
    assert (row(ledger, "b").status, row(ledger, "b").version) == ("rejected", "3")
