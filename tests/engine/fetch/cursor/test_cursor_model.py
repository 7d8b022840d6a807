"""A model of a source that changes while it is read, in any order and with any breaks: once it is quiet, everything was
fetched, and what is known is no longer asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.engine.fetch.cursor.pages import CursorPages
from airflow_integrations.engine.fetch.cursor.watch import CursorWatch, newer_than
from airflow_integrations.incoming.sort_value import of_text, sort_value
from airflow_integrations.route.incremental import Cursor
from airflow_integrations.staging.manifest import Manifest, PagesSeen

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Step:
    """What happens before a page, or of ``apart`` before a record: writes, seconds that pass, and a break."""

    writes: tuple[int, ...]
    seconds: int
    breaks: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.lists(st.integers(0, 7), max_size=3).map(tuple),
        st.sampled_from([0, 1, 7, 100]),
        st.sampled_from([False, False, True]),
    ),
    max_size=40,
)


class World:
    """The source, and the runs of a route that follows it."""

    def __init__(self, steps: list[Step], way: str, order: str, by: str, size: int) -> None:
        self.steps, self.way, self.order, self.by, self.size = list(steps), way, order, by, size
        self.seconds = self.rev = 0.0
        self.records: dict[int, dict[str, Any]] = {}
        self.has: dict[int, int] = {}
        self.cursor: str | None = None
        self.newest: str | None = None

    def write(self, key: int) -> None:
        self.seconds += 0.001
        self.rev += 1
        moment = BEGIN + timedelta(seconds=self.seconds)
        written: Any = {"rev": int(self.rev), "text": f"v{int(self.rev):09d}", "at": moment.isoformat()}[self.by]
        self.records[key] = {"number": key, "rev": int(self.rev), "value": written}

    def happens(self) -> bool:
        """Whether the fetch breaks off."""
        if not self.steps:
            return False
        step = self.steps.pop(0)
        for key in step.writes:
            self.write(key)
        self.seconds += step.seconds
        return step.breaks

    def place(self, record: dict[str, Any]) -> tuple[Any, ...]:
        value = sort_value(record["value"])
        assert value is not None
        return {"key": (record["number"],), "value": (value.order,), "newest": (-record["rev"],)}[self.order]

    def listed(self, since: str | None, after: Any) -> list[dict[str, Any]]:
        found = [record for record in self.records.values() if self.newer(record, since)]
        found = sorted(found, key=self.place)
        return [record for record in found if after is None or self.place(record) > after]

    def newer(self, record: dict[str, Any], since: str | None) -> bool:
        value = sort_value(record["value"])
        assert value is not None
        return since is None or bool(value.order > of_text(since).order)

    def since(self, began: float) -> float:
        return self.seconds - began

    def run(self) -> int:
        """How many records came."""
        options = Cursor(field="value", param="since")
        since = newer_than(options, self.cursor)
        manifest = Manifest(route="r", run_id="r", stage="fetch", route_hash="", window=("", ""))
        came, after, went_on = 0, None, False
        seen = PagesSeen(known=self.newest or self.cursor, began=self.seconds)
        while True:
            taken = partial(self.since, seen.began)
            pages = CursorPages(self.way, seen, taken, went_on=went_on)  # type: ignore[arg-type]
            watch = CursorWatch(options, seen.known, staged=manifest.newest, pages=pages)
            breaks = False
            while not breaks:
                breaks = self.happens()
                if breaks:
                    break
                listed = self.listed(since, after)
                given = [record["number"] for record in listed[: self.size]]
                last = self.place(listed[min(self.size, len(listed)) - 1]) if listed else after
                page = []
                for key in given:
                    if self.way == "apart":
                        self.happens()
                    page.append(self.records[key])
                watch.see(page)
                came += len(page)
                self.has.update((record["number"], record["rev"]) for record in page)
                after = last
                watch.note(manifest)
                if len(listed) <= self.size:
                    self.cursor, self.newest = manifest.cursor or self.cursor, manifest.newest
                    return came
            if after is None:  # nothing was saved: it starts over
                seen = PagesSeen(known=self.newest or self.cursor, began=self.seconds)
            else:
                assert manifest.pages_seen is not None
                seen, went_on = manifest.pages_seen, True


@pytest.mark.parametrize(
    ("way", "order", "by"),
    [
        ("pages", "key", "at"),
        ("pages", "value", "at"),
        ("pages", "newest", "at"),
        ("pages", "value", "rev"),
        ("pages", "newest", "rev"),
        ("pages", "value", "text"),
        ("apart", "key", "rev"),
        ("apart", "key", "at"),
        ("apart", "value", "rev"),
        ("ordered", "value", "rev"),
        ("ordered", "value", "at"),
    ],
)
@settings(max_examples=150, deadline=None)
@given(steps=STEPS, size=st.integers(1, 4), at_first=st.lists(st.integers(0, 7), max_size=12))
def test_once_the_source_is_quiet_everything_was_fetched(
    way: str, order: str, by: str, steps: list[Step], size: int, at_first: list[int]
) -> None:
    world = World(steps, way, order, by, size)
    for key in at_first:
        world.write(key)
    for _ in range(60):
        world.run()
        world.seconds += 600
        if not world.steps:
            break
    quiet = [world.run() for _ in range(3)]
    assert world.has == {key: record["rev"] for key, record in world.records.items()}
    assert quiet[-1] == 0


@settings(max_examples=300, deadline=None)
@given(
    first=st.tuples(st.lists(st.integers(0, 7), max_size=3), st.integers(1, 3)),
    steps=STEPS,
    at_first=st.lists(st.integers(0, 7), min_size=1, max_size=12),
)
def test_numbers_in_the_order_of_keys(first: tuple[list[int], int], steps: list[Step], at_first: list[int]) -> None:
    """Where a fetch breaks off behind its first page, or has two. In a longer one nothing may change that no value
    shows to be out of order; see ``cursor/pages.py``."""
    world = World([Step((), 0, False), *steps], "pages", "key", "rev", first[1])
    for step in world.steps:
        step.writes = step.writes if step.breaks else ()
    for key in at_first:
        world.write(key)
    for _ in range(60):
        for key in first[0]:
            world.write(key)
        world.run()
        if not world.steps:
            break
    quiet = [world.run() for _ in range(3)]
    assert world.has == {key: record["rev"] for key, record in world.records.items()}
    assert quiet[-1] == 0
