"""What a run passed over because another had it: its word does not replace what became of it there."""

from __future__ import annotations

import pytest
from ledger_runs import begin, delivered, finish, retrying, row

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import LEASED, Outcome
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.claims import renew_leases, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import restart_push


def leased(key: str, content: str = "h1", version: str = "3") -> Outcome:
    return retrying(key, hash=content, version=version, error_class=LEASED)


@pytest.mark.parametrize("status", ["in_doubt", "waiting", "failed"])
def test_the_fate_of_the_same_content_stays(ledger: Ledger, status) -> None:
    one, other = begin(ledger, "one"), begin(ledger, "other")
    conclude(ledger, one, [Outcome(key="a", status=status, hash="h1", version="3", error_class="x")], now=2.0)
    conclude(ledger, other, [leased("a"), leased("b")], now=3.0)
    assert (row(ledger, "a").status, row(ledger, "a").run, row(ledger, "a").version) == (status, one.id, "3")
    assert row(ledger, "b").status == "retrying"
    conclude(ledger, other, [leased("a", version="4")], now=4.0)
    got = row(ledger, "a")
    assert (got.status, got.version, got.payload_run, got.payload_at) == (status, "4", other.id, 7)


def test_another_content_takes_its_place_and_a_closed_row_is_opened(ledger: Ledger) -> None:
    one, other = begin(ledger, "one"), begin(ledger, "other")
    conclude(ledger, one, [retrying("a", version="3"), delivered("b", version="3")], now=2.0)
    conclude(ledger, other, [leased("a", "h2", "4"), leased("b", "h2", "4")], now=3.0)
    assert [(row(ledger, key).hash, row(ledger, key).error_class) for key in "ab"] == [("h2", LEASED)] * 2


def test_a_note_beside_a_newer_state_counts_the_delivery_of_this_route_only(ledger: Ledger) -> None:
    run, elsewhere = begin(ledger), begin(ledger, route="customers")
    conclude(ledger, elsewhere, [delivered("a", version="1")], now=1.0)
    conclude(ledger, run, [retrying("a", hash="h2", version="5")], now=2.0)
    conclude(ledger, run, [delivered("a", version="4")], now=3.0)
    got = row(ledger, "a")
    assert (got.status, got.version, got.delivered_version, got.deliveries) == ("retrying", "5", "4", 1)
    assert row(ledger, "a", "customers").delivered_at == 1.0


def test_a_run_gives_back_only_what_it_took_itself(ledger: Ledger) -> None:
    before, one, other = begin(ledger, "before"), begin(ledger, "one"), begin(ledger, "other")
    conclude(ledger, before, [retrying("a")], now=2.0)
    take_due(ledger, one, now=11.0, lease_until=50.0, limit=5)
    finish(ledger, other, now=12.0)
    assert row(ledger, "a").status == "pending"
    renew_leases(ledger, one, lease_until=99.0)
    assert row(ledger, "a").lease_until == 99.0


def test_a_cleared_push_gives_up_its_leases(ledger: Ledger) -> None:
    one, other = begin(ledger, "one"), begin(ledger, "other")
    reserve(ledger, one, ["a"], first=0, lease_until=99.0, now=1.0)
    restart_push(ledger, one)
    assert reserve(ledger, other, ["a"], first=0, lease_until=99.0, now=2.0).taken == frozenset()


def test_a_lease_holds_until_its_last_moment(ledger: Ledger) -> None:
    one, other = begin(ledger, "one"), begin(ledger, "other")
    reserve(ledger, one, ["a"], first=0, lease_until=10.0, now=1.0)
    assert reserve(ledger, other, ["a"], first=0, lease_until=99.0, now=10.0).taken == {"a"}
    assert reserve(ledger, other, ["a"], first=0, lease_until=99.0, now=10.5).taken == frozenset()
