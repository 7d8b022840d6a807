"""Numbers of finished fetches, and who has read up to which."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ledger_runs import begin, finish

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.published_fetches import Kept


def fetched(ledger: Ledger, run_id: str) -> RunRef:
    run = begin(ledger, run_id)
    ledger.fetches.publish(run, after=None)
    return run


def numbers(ledger: Ledger) -> list[tuple[int, str]]:
    return [(found.number, found.run_id) for found in ledger.fetches.between("orders", 0, 99)]


def test_fetches_are_numbered_in_the_order_in_which_they_end(ledger: Ledger) -> None:
    runs = {run_id: begin(ledger, run_id) for run_id in "abc"}
    for run_id in "cab":
        ledger.fetches.publish(runs[run_id], after=None)
        ledger.fetches.publish(runs[run_id], after=None)  # a second time changes nothing
    assert numbers(ledger) == [(1, "c"), (2, "a"), (3, "b")]
    assert [found.run_id for found in ledger.fetches.between("orders", 1, 2)] == ["a"]
    assert ledger.fetches.newest("orders") == 3
    assert ledger.fetches.newest("unheard of") == 0


def test_fetches_that_end_at_once_have_numbers_of_their_own(ledger: Ledger) -> None:
    runs = [begin(ledger, f"r{number}") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: ledger.fetches.publish(run, after=None), runs))
    assert [number for number, _ in numbers(ledger)] == list(range(1, 25))


def test_a_run_that_fetches_again_keeps_its_number_for_those_who_have_not_read_it(ledger: Ledger) -> None:
    run = fetched(ledger, "a")
    assert ledger.fetches.begin_again(run) == Kept(None, wanted=False)  # nobody reads
    assert numbers(ledger) == []
    ledger.fetches.publish(run, after=None)
    ledger.fetches.subscribe("invoices", "orders", oldest=True)
    assert ledger.fetches.begin_again(run) == Kept(1, wanted=True)
    ledger.fetches.publish(run, after=1)
    assert numbers(ledger) == [(2, "a")]
    ledger.fetches.publish(run, after=1)
    assert numbers(ledger) == [(2, "a")]
    finish(ledger, begin(ledger, "reader", route="invoices"), read=("orders", 2, "records"))
    assert ledger.fetches.begin_again(run) == Kept(None, wanted=False)
    ledger.fetches.publish(run, after=None)
    assert numbers(ledger) == [(3, "a")], "no number comes twice for one who reads"


def test_what_was_never_numbered_may_be_wanted_by_whoever_reads(ledger: Ledger) -> None:
    run = begin(ledger, "a")
    assert ledger.fetches.begin_again(run) == Kept(None, wanted=False)
    ledger.fetches.subscribe("invoices", "orders")
    assert ledger.fetches.begin_again(run) == Kept(None, wanted=True)


def test_a_position_moves_forwards_and_for_its_own_route(ledger: Ledger) -> None:
    fetches = ledger.fetches
    assert fetches.subscribe("invoices", "orders") == 0
    for run_id in "abc":
        fetched(ledger, run_id)
    assert fetches.subscribe("labels", "orders") == 3
    assert fetches.subscribe("all", "orders", oldest=True) == 0
    assert fetches.behind(0) == {"all": 3, "invoices": 3}
    reader = begin(ledger, "reader", route="invoices")
    for upto, position in ((2, 2), (1, 2), (3, 3)):
        finish(ledger, reader, read=("orders", upto, "records"))
        assert fetches.position("invoices", "orders") == position
        assert fetches.subscribe("invoices", "orders", oldest=True) == position
    assert fetches.position("all", "orders") == 0
    assert list(fetches.behind(0)) == ["all"]
    finish(ledger, reader, read=("nobody", 9, "records"))
    assert fetches.position("invoices", "nobody") is None


def test_who_reads_nothing_any_more_is_forgotten(ledger: Ledger) -> None:
    for name in ("invoices", "labels"):
        ledger.fetches.subscribe(name, "orders")
    begin(ledger, "young", route="invoices", now=100.0)
    begin(ledger, "old", route="labels", now=10.0)
    assert ledger.fetches.forget([]) == []
    assert ledger.fetches.forget(["invoices", "labels", "other"], idle_since=50.0) == ["labels"]
    assert ledger.fetches.subscriptions() == [("invoices", "orders", "records")]
    assert ledger.fetches.forget(["invoices"]) == ["invoices"]
