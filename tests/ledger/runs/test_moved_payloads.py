"""Payloads that a run which begins anew has to keep, for others and for itself."""

from __future__ import annotations

from ledger_runs import begin, delivered, retrying, row

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome, RetryWanted
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.held_payloads import left_in, move_payloads, places_in
from airflow_integrations.ledger.runs.outcomes import conclude


def test_open_ones_are_found_in_their_order_and_moved(ledger: Ledger) -> None:
    run, other = begin(ledger), begin(ledger, "other")
    staged = {"payload_stage": "push", "hash": "h1"}
    outcomes = [
        Outcome(key="waits", status="waiting", payload_at=11, **staged),  # type: ignore[arg-type]
        Outcome(key="%doubt", status="in_doubt", payload_at=2, **staged),  # type: ignore[arg-type]
        retrying("of other", next_attempt=1.0),
        retrying("own", next_attempt=1.0),
        delivered("closed", payload_stage="push", payload_at=5),
        Outcome(key="gone", status="in_doubt", hash="h1"),
    ]
    conclude(ledger, run, outcomes, now=2.0)
    conclude(ledger, other, [Outcome(key="theirs", status="in_doubt", payload_at=0, **staged)], now=2.0)  # type: ignore[arg-type]
    for by, key in ((run, "own"), (other, "of other")):
        take_due(ledger, by, now=20.0, lease_until=30.0, limit=9, wanted=RetryWanted(keys=frozenset({key})))
    keys = left_in(ledger, run)
    assert keys == ["%doubt", "of other", "own", "waits"]
    assert sorted(places_in(ledger, run, [*keys, "theirs"])) == [
        ("%doubt", "push", 2),
        ("of other", "push", 7),
        ("own", "push", 7),
        ("waits", "push", 11),
    ]
    move_payloads(ledger, run, [("waits", -1), ("of other", -2), ("theirs", -3)])
    assert [row(ledger, key).payload_at for key in ("waits", "of other", "theirs")] == [-1, -2, 0]
    assert left_in(ledger, run) == ["%doubt", "own"], "what is held stays where it is"
