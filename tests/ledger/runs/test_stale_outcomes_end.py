"""The two states of one entity to their end: the older one's delivery is known, then the newer one goes out."""

from __future__ import annotations

import pytest
from ledger_runs import begin, delivered, finish, retrying, row

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.outcomes import conclude

ODD = "T\x00\x1e\x1f\ud800" + "x" * 600
"""NUL and a lone surrogate, which PostgreSQL does not take, and longer than its column."""


@pytest.mark.parametrize("deleted", [False, True])
def test_the_newer_one_closes_the_entity(ledger: Ledger, deleted: bool) -> None:
    schedule, backfill = begin(ledger), begin(ledger, "backfill")
    conclude(ledger, schedule, [retrying("a", version="2", hash="new", next_attempt=10.0)], now=1.0)
    conclude(ledger, backfill, [delivered("a", "old", version="1", target_id="T1", deleted=deleted)], now=2.0)
    assert row(ledger, "a").delivered_hash == (None if deleted else "old")
    finish(ledger, backfill, now=3.0)

    later = begin(ledger, "later")
    (due,) = take_due(ledger, later, now=11.0, lease_until=20.0, limit=5)
    assert (due.version, due.payload and due.payload.folder, due.payload and due.payload.at) == ("2", "staged/first", 7)
    known = reserve(ledger, later, ["a"], first=0, lease_until=20.0, now=12.0).known["a"]
    assert (known.delivered_version, known.deliveries, known.hash, known.target_id) == ("1", 1, "new", "T1")
    conclude(ledger, later, [delivered("a", "new", version="2")], now=13.0)
    finish(ledger, later, now=14.0)

    got = row(ledger, "a")
    assert (got.status, got.hash, got.since, got.next_attempt, got.error_class) == ("delivered", None, None, None, None)
    assert (got.delivered_hash, got.delivered_version, got.delivered_at, got.deliveries) == ("new", "2", 13.0, 2)
    assert (got.target_id, got.deleted) == ("T1", False)


def test_what_a_target_says_fits_the_database(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", version="z", hash="new")], now=1.0)
    conclude(ledger, run, [delivered("a", "old", version=ODD, target_id=ODD, reason=ODD)], now=2.0)
    got = row(ledger, "a")
    expected = "T\ufffd\ufffd\ufffd?" + "x" * 507
    assert (got.status, got.target_id, got.delivered_version) == ("retrying", expected, expected)


def test_a_state_is_not_older_than_what_was_kept_of_its_own_version(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [retrying("a", version=ODD, hash="h1")], now=1.0)
    conclude(ledger, run, [delivered("a", "h1", version=ODD)], now=2.0)
    assert row(ledger, "a").status == "delivered"


def test_a_delivery_without_an_id_leaves_the_one_that_is_known(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", "h0", version="0", target_id="T0")], now=0.5)
    conclude(ledger, run, [retrying("a", version="2", hash="new")], now=1.0)
    conclude(ledger, run, [delivered("a", "old", version="1")], now=2.0)
    assert (row(ledger, "a").target_id, row(ledger, "a").deliveries) == ("T0", 2)
