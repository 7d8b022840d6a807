"""A push reserves keys: who gets them, and what it is told of them."""

from __future__ import annotations

from dataclasses import replace

from ledger_runs import begin, delivered, finish, retrying, row

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.carry_over import lapsed_runs, take_due
from airflow_integrations.ledger.runs.claims import release_leases, renew_leases, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import applied_lines, restart_push, rewind_journal


def lease(ledger: Ledger, run, *keys: str, first: int = 0, until: float = 10.0, now: float = 1.0):
    return reserve(ledger, run, keys, first=first, lease_until=until, now=now)


def test_all_keys_are_free_in_a_new_ledger(ledger: Ledger) -> None:
    got = lease(ledger, begin(ledger), "a", "b")
    assert got.claim is not None
    assert (got.known, got.taken) == ({}, frozenset())


def test_another_run_does_not_get_what_is_leased(ledger: Ledger) -> None:
    first, second = begin(ledger, "first"), begin(ledger, "second")
    lease(ledger, first, "a", "b")
    assert lease(ledger, second, "b", "c").taken == {"b"}
    assert lease(ledger, second, "a", first=5).claim is None
    assert lease(ledger, begin(ledger, "first", route="customers"), "a").taken == frozenset()


def test_a_lease_is_over_with_its_conclusion_its_release_and_its_run(ledger: Ledger) -> None:
    first, second = begin(ledger, "first"), begin(ledger, "second")
    claim = lease(ledger, first, "a").claim
    conclude(ledger, first, [delivered("a")], now=2.0, claims=[claim])
    assert lease(ledger, second, "a").taken == frozenset()
    release_leases(ledger, second)
    assert lease(ledger, first, "a").taken == frozenset()
    finish(ledger, first)
    assert lease(ledger, second, "a").taken == frozenset()


def test_a_run_replaces_its_own_earlier_reservation(ledger: Ledger) -> None:
    run = begin(ledger)
    before = lease(ledger, run, "a", "b", first=0)
    assert lease(ledger, run, "b", "c", first=1).taken == frozenset()
    assert renew_leases(ledger, run, lease_until=20.0) == 1
    assert lease(ledger, run, "d", first=3).claim != before.claim
    assert renew_leases(ledger, run, lease_until=20.0) == 2


def test_a_lease_that_passed_holds_nobody_up_and_cannot_be_renewed_then(ledger: Ledger) -> None:
    dead, alive = begin(ledger, "dead"), begin(ledger, "alive")
    lease(ledger, dead, "a", "b", first=0, until=10.0)
    lease(ledger, dead, "c", first=2, until=10.0)
    assert lease(ledger, alive, "a", now=11.0, until=20.0).taken == frozenset()
    assert renew_leases(ledger, dead, lease_until=30.0) == 1
    assert lease(ledger, alive, "b", "c", first=1, now=12.0, until=20.0).taken == {"c"}
    assert [one.run for one in lapsed_runs(ledger, "orders", 12.0)] == [dead]


def test_a_lease_that_passed_is_renewed_where_nobody_has_wanted_its_keys(ledger: Ledger) -> None:
    slow, other = begin(ledger, "slow"), begin(ledger, "other")
    lease(ledger, slow, "a", until=10.0)
    assert renew_leases(ledger, slow, lease_until=30.0) == 1
    assert lease(ledger, other, "a", now=12.0, until=20.0).taken == {"a"}


def test_parts_of_a_run_have_leases_of_their_own(ledger: Ledger) -> None:
    one = begin(ledger, "run")
    other, beside = replace(one, part=1), begin(ledger, "beside")
    lease(ledger, one, "a", "b")
    lease(ledger, other, "c", "d")
    assert renew_leases(ledger, one, lease_until=20.0) == 1, "the other part's lease is not replaced, nor renewed"
    release_leases(ledger, one)
    assert lease(ledger, beside, "a", "c", first=9).taken == {"c"}


def test_a_part_that_died_keeps_its_keys_while_another_part_is_at_work(ledger: Ledger) -> None:
    """What it sent is in its journal alone: who recovers the run reads that, and nobody does as long as it works."""
    dead, beside = begin(ledger, "run"), begin(ledger, "beside")
    at_work = replace(dead, part=1)
    lease(ledger, dead, "a", until=10.0)
    lease(ledger, at_work, "b", until=30.0)
    assert lease(ledger, beside, "a", now=12.0, until=50.0).taken == {"a"}
    assert lapsed_runs(ledger, "orders", 12.0) == []
    assert [lapsed.run for lapsed in lapsed_runs(ledger, "orders", 31.0)] == [dead]
    assert lease(ledger, beside, "a", now=31.0, until=50.0).taken == frozenset()


def test_each_part_counts_the_lines_of_its_own_journal(ledger: Ledger) -> None:
    one = begin(ledger)
    other = replace(one, part=1)
    conclude(ledger, one, [delivered("a")], now=2.0, applied=7)
    conclude(ledger, other, [delivered("b")], now=2.0, applied=3)
    conclude(ledger, other, [delivered("b")], now=2.0, applied=3)
    assert row(ledger, "b").deliveries == 1
    assert (applied_lines(ledger, one), applied_lines(ledger, other)) == (7, 3)
    rewind_journal(ledger, other, 1)
    conclude(ledger, other, [delivered("b")], now=2.0, applied=2)
    assert (row(ledger, "b").deliveries, applied_lines(ledger, one), applied_lines(ledger, other)) == (2, 7, 2)
    restart_push(ledger, one)
    assert (applied_lines(ledger, one), applied_lines(ledger, other)) == (0, 0)


def test_what_is_known_comes_with_the_reservation(ledger: Ledger) -> None:
    run = begin(ledger)
    conclude(ledger, run, [delivered("a", version="5", target_id="T1"), retrying("b", next_attempt=9.0)], now=2.0)
    known = lease(ledger, run, "a", "b", "c").known
    assert known.keys() == {"a", "b"}
    assert (known["a"].status, known["a"].delivered_hash, known["a"].delivered_version) == ("delivered", "h1", "5")
    assert (known["a"].deliveries, known["a"].target_id, known["a"].hash) == (1, "T1", None)
    assert (known["b"].status, known["b"].hash, known["b"].attempts) == ("retrying", "h1", 1)
    assert (known["b"].since, known["b"].next_attempt, known["b"].deliveries) == (2.0, 9.0, 0)


def test_what_another_run_has_taken_over_is_taken_until_its_lease_passes(ledger: Ledger) -> None:
    old, taker, other = begin(ledger, "old"), begin(ledger, "taker"), begin(ledger, "other")
    conclude(ledger, old, [retrying("a", next_attempt=3.0)], now=2.0)
    assert [due.key for due in take_due(ledger, taker, now=4.0, lease_until=10.0, limit=5)] == ["a"]
    assert lease(ledger, other, "a", now=5.0).taken == {"a"}
    assert lease(ledger, taker, "a", now=5.0).taken == frozenset()
    release_leases(ledger, taker)
    assert lease(ledger, other, "a", now=11.0, until=20.0).taken == frozenset()
    assert (row(ledger, "a").status, row(ledger, "a").run) == ("pending", other.id)
    assert take_due(ledger, taker, now=12.0, lease_until=30.0, limit=5) == []


def test_ten_thousand_keys_of_any_script_in_one_reservation(ledger: Ledger) -> None:
    keys = [f"Ключ '{number}' 100% \\ \"x\" €😀" for number in range(10_000)]
    run, other = begin(ledger), begin(ledger, "other")
    claim = reserve(ledger, run, keys, first=0, lease_until=10.0, now=1.0).claim
    assert claim is not None
    assert len(reserve(ledger, other, keys, first=0, lease_until=10.0, now=1.0).taken) == 10_000
    conclude(ledger, run, [delivered(key) for key in keys], now=2.0, claims=[claim])
    assert reserve(ledger, other, keys, first=0, lease_until=10.0, now=1.0).known.keys() == set(keys)
