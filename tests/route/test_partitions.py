"""Partitions: always the same ones, without a gap or an overlap; and what they cannot be combined with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_integrations.errors import RunError
from airflow_integrations.route.definition import Route
from airflow_integrations.route.incremental import ColumnRanges, Partitions, Ranges
from airflow_integrations.route.partitions import fetch_tasks, partitions_of
from airflow_integrations.window import Window

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
LIST = {"list": ["madrid", "paris"]}
HTTP = {"connection": "shop", "path": "/{{ partition.value }}"}


def route(partitions: Any = LIST, *, http: dict[str, Any] | None = None, **more: Any) -> Route:
    incoming = {"http": HTTP | {"partitions": partitions} | (http or {})}
    return Route.load(
        {"route": "orders", "entity": {"key": "entity.n"}, "incoming": incoming, "outgoing": {"none": {}}, **more}
    )


def refused(**given: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        route(**given)
    return str(caught.value)


@given(st.integers(-1000, 1000), st.integers(1, 5000), st.integers(5, 400))
def test_ranges_of_numbers_touch_and_cover_all(first: int, length: int, every: int) -> None:
    options = {"from": first, "to": first + length, "every": every}
    found: Any = Partitions(ranges=Ranges(**options)).all(DAY)
    plain = [(each.start, each.end) for each in found]
    assert (plain[0][0], plain[-1][1]) == (first, first + length)
    assert all(before[1] == after[0] for before, after in pairwise(plain))
    assert all(start < end for start, end in plain)
    columns: Any = ColumnRanges(column="id", **options).all(DAY)
    for value in (first - 1, first, first + 1, first + length - 1, first + length, first + every):
        holding = [
            each
            for each in columns
            if (each.start is None or each.start <= value) and (each.end is None or value < each.end)
        ]
        assert len(holding) == 1


@given(st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)), st.integers(1, 900), st.integers(3600, 10**7))
def test_ranges_of_the_window_touch_and_cover_it(start: datetime, hours: int, every: int) -> None:
    window = Window(start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + timedelta(hours=hours))
    found = Partitions(ranges=Ranges(every=timedelta(seconds=every))).all(window)
    assert (found[0].start, found[-1].end) == (window.start, window.end)
    assert all(before.end == after.start for before, after in pairwise(found))


def test_an_empty_window_is_one_partition() -> None:
    assert len(Partitions(ranges=Ranges(every="1h")).all(Window(START, START))) == 1


def test_a_date_is_midnight_and_names_are_moments() -> None:
    (first, last) = Partitions(ranges=Ranges(**{"from": "2026-01-01", "to": "2026-01-02", "every": "12h"})).all(DAY)
    assert str(first) == "1 of 2 (2026-01-01T00:00:00Z → 2026-01-01T12:00:00Z)"
    assert last.names()["start"].format("YYYY-MM-DD HH") == "2026-01-01 12"
    assert last.names()["number"] == 2


def test_a_window_with_too_many_partitions_is_refused_when_the_run_begins() -> None:
    with pytest.raises(RunError, match=r"has 1,440 of them; at most 1,000: raise every"):
        partitions_of(route({"ranges": {"every": "1m"}}, http={"path": "/{{ partition.start }}"}), DAY)


@pytest.mark.parametrize(
    ("partitions", "told"),
    [
        ({}, "write exactly one of list and ranges"),
        ({**LIST, "ranges": {"every": "1d"}}, "write exactly one of list and ranges"),
        ({"list": []}, "list has 0 values; write 1 to 1,000"),
        ({"list": ["a", "b", "a"]}, "list names a twice"),
        ({"list": [1, "1"]}, "list names 1 twice"),
        ({"ranges": {"from": 0, "to": 10, "every": "1d"}}, "from and to are numbers, so every is a whole number"),
        ({"ranges": {"from": 0, "every": 5}}, "every is a number, so from and to are whole numbers"),
        (
            {"ranges": {"from": "2026-01-01", "to": 5, "every": 5}},
            "every is a number, so from and to are whole numbers",
        ),
        ({"ranges": {"from": 9, "to": 9, "every": 5}}, r"from (9) has to be less than to (9)"),
        ({"ranges": {"from": 0, "to": 10**9, "every": 5}}, "has 200,000,000 of them; at most 1,000: raise every"),
        ({"ranges": {"every": "0.5s"}}, "every is at least 1s"),
    ],
)
def test_partitions_that_mean_nothing_are_refused(partitions: Any, told: str) -> None:
    assert told in refused(partitions=partitions)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"missing": "emit"}, "missing would delete it"),
        ({"missing": {"at_most": "5%"}}, "missing would delete it"),
        (
            {"entity": {"key": "entity.n", "group": {"by": ["n"]}}, "http": {"pagination": {"style": "none"}}},
            "the lines of one entity may be in several partitions",
        ),
        ({"http": {"path": "/orders"}}, "the request reads no partition, so each would fetch the same"),
        (
            {"http": {"path": "/{{ partition.start }}"}},
            "gives each partition a value, and the request reads partition.start",
        ),
        ({"http": {"path": "/{{ partition.valeu }}"}}, "partition has no field 'valeu', did you mean 'value'?"),
        ({"http": {"details": {"path": "/{{ partition.value }}"}}}, "partition"),
    ],
)
def test_what_partitions_cannot_be_combined_with_is_refused(more: dict[str, Any], told: str) -> None:
    assert told in refused(**more)


def test_there_are_no_more_tasks_than_partitions() -> None:
    assert fetch_tasks(route()) == ("fetch_1", "fetch_2")
    assert fetch_tasks(route({"list": ["madrid"]})) == ()
    assert fetch_tasks(route({"list": list(range(9))}, tasks={"fetch_spread": 3})) == ("fetch_1", "fetch_2", "fetch_3")
    ranges = {"from": 0, "to": 30, "every": 10}
    assert len(fetch_tasks(route({"ranges": ranges}))) == 3
    assert len(fetch_tasks(route({"ranges": {"every": "1d"}}))) == 4
    assert fetch_tasks(route(tasks={"single": True})) == ()
