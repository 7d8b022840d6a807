"""What the ledger knows of keys, without taking them."""

from __future__ import annotations

from ledger_runs import begin, delivered, retrying
from sqlalchemy import select

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.claims import KEYS_AT_ONCE, known_entities, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.storage import tables


def everything(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    with ledger.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in tables.metadata.sorted_tables
        }


def test_it_is_what_a_reservation_tells(ledger: Ledger) -> None:
    run = begin(ledger)
    outcomes = [delivered("a", "h1", version="1", target_id="T1"), retrying("b", version="2")]
    conclude(ledger, run, outcomes, now=2.0)
    found = known_entities(ledger, "orders", ["a", "b", "unknown"])
    assert sorted(found) == ["a", "b"]
    assert (found["a"].delivered_hash, found["a"].deliveries, found["a"].target_id) == ("h1", 1, "T1")
    assert found == reserve(ledger, run, ["a", "b", "unknown"], first=0, lease_until=9.0, now=3.0).known


def test_nothing_is_written_or_leased(ledger: Ledger) -> None:
    conclude(ledger, begin(ledger), [delivered("a")], now=2.0)
    before = everything(ledger)
    known_entities(ledger, "orders", ["a", "b"])
    assert everything(ledger) == before
    assert before[tables.claim.name] == []


def test_of_a_route_only_its_own(ledger: Ledger) -> None:
    conclude(ledger, begin(ledger), [delivered("a")], now=2.0)
    begin(ledger, route="customers")
    assert (
        known_entities(ledger, "customers", ["a"])
        == known_entities(ledger, "never ran", ["a"])
        == known_entities(ledger, "orders", [])
        == {}
    )


def test_more_keys_than_one_statement_takes(ledger: Ledger) -> None:
    keys = [f"{number:06}" for number in range(KEYS_AT_ONCE + 2)]
    conclude(ledger, begin(ledger), [delivered(key) for key in keys[-3:]], now=2.0)
    assert sorted(known_entities(ledger, "orders", keys)) == keys[-3:]
