"""Searches that come back in time lose nothing and show nothing twice, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_rows import NOW, Rows
from sqlalchemy import delete

from airflow_integrations.ledger.queries import search as searching
from airflow_integrations.ledger.queries.search import Found, how_many, search
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database


@pytest.fixture
def rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(searching, "STRETCH", 3)
    return Rows(database)


def hurried() -> Callable[[], float]:
    """A clock for which the time is always over."""
    ticks = iter(range(1_000_000))
    return lambda: float(next(ticks))


keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=4)
kinds = st.sampled_from(["delivered", "skipped", "failed", "retrying"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.dictionaries(keys, kinds, max_size=25),
    st.sampled_from([(), ("delivered",), ("skipped",), ("failed",), ("failed", "skipped")]),
    st.integers(1, 7),
    st.booleans(),
)
def test_pages_together_are_what_was_asked_for(
    rows: Rows, entities: dict[str, str], statuses: tuple[str, ...], limit: int, hurry: bool
) -> None:
    with rows.database.write() as connection:
        connection.execute(delete(tables.entity))
    for kind in sorted(set(entities.values())):
        chosen = [key for key, status in entities.items() if status == kind]
        (rows.opened if kind in ("failed", "retrying") else rows.entities)(chosen, kind)
    seen, after, asked = list[str](), None, 0
    while True:
        found: Found = search(
            rows.database,
            route="orders",
            limit=limit,
            after=after,
            statuses=statuses,
            seconds=0.5 if hurry else 1e9,
            clock=hurried(),
        )
        assert len(found.entities) <= limit
        assert found.searched or len(found.entities) < limit
        seen += [line.key for line in found.entities]
        asked += 1
        assert asked <= len(entities) + 5
        after = found.after
        if after is None:
            assert found.searched
            break
    assert seen == sorted(key for key, status in entities.items() if not statuses or status in statuses)


def test_a_search_that_found_nothing_in_its_time_says_where_it_is(rows: Rows) -> None:
    rows.entities([f"{number:02}" for number in range(20)], "delivered", target_id="T")
    found = search(rows.database, route="orders", target_id="nobody", seconds=0.5, clock=hurried())
    assert (found.entities, found.after, found.searched) == ((), "02", False)
    again = search(rows.database, route="orders", target_id="nobody", after="02", seconds=1e9)
    assert (again.entities, again.after, again.searched) == ((), None, True)


def test_prefix_and_target_id(rows: Rows) -> None:
    rows.entities([f"a{number}" for number in range(9)], "delivered", target_id="A")
    rows.entities([f"b{number}" for number in range(9)], "delivered", target_id="B")
    found = search(rows.database, route="orders", prefix="b", limit=20, seconds=1e9)
    assert [line.key for line in found.entities] == [f"b{number}" for number in range(9)]
    assert len(search(rows.database, route="orders", target_id="B", limit=20, seconds=1e9).entities) == 9


def test_a_route_that_never_ran_has_nothing(rows: Rows) -> None:
    assert search(rows.database, route="stock") == Found((), None, True)
    assert how_many(rows.database, "stock") == searching.Amount(0, False)


def test_counting_stops(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    rows.entities([f"{number:02}" for number in range(20)], "delivered", changed=NOW)
    assert how_many(rows.database, "orders") == searching.Amount(20, False)
    monkeypatch.setattr(searching, "COUNTED", 19)
    assert how_many(rows.database, "orders") == searching.Amount(19, True)


def test_a_part_of_a_key_is_found_in_any_case_and_the_search_says_where_it_stopped(rows: Rows) -> None:
    for key in ("SO-100%A", "so-1001", "X-so-1002-Ä", "other", "zz"):
        rows.entity(key, "delivered")
    rows.open("SO-9", "failed")

    def found(text: str) -> list[str]:
        return [line.key for line in search(rows.database, route="orders", inside=text).entities]

    assert found("so-1") == ["SO-100%A", "X-so-1002-Ä", "so-1001"]
    assert found("00%a") == ["SO-100%A"]
    assert found("Ä") == ["X-so-1002-Ä"]
    assert found("_") == []
    first = search(rows.database, route="orders", inside="zz", clock=hurried())
    assert (first.entities, first.searched) == ((), False)
    assert first.after is not None
    rest = search(rows.database, route="orders", inside="zz", after=first.after)
    assert [line.key for line in rest.entities] == ["zz"]


def test_how_many_a_search_finds(rows: Rows) -> None:
    rows.entity("1", "delivered")
    rows.open("2", "failed")
    rows.open("3", "failed")
    assert how_many(rows.database, "orders", statuses=["failed"]).entities == 2
    assert how_many(rows.database, "orders").entities == 3
