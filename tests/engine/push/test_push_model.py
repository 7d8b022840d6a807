"""Whatever happens to the runs of a route: nothing is lost, twice or out of order, and the books balance."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from push_target import ANSWERS, HELD, Visit
from push_world import Contents, MakeRun, World, at_once
from sqlalchemy import delete, select

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.status import CLOSED
from airflow_integrations.ledger.storage import tables

KEYS = "ad"
VERSIONS = 5
RUNS = 3

contents = st.fixed_dictionaries({key: st.lists(st.integers(0, 1), min_size=5, max_size=5) for key in KEYS})
states = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, VERSIONS)), max_size=4).map(tuple)


def visits(answers: tuple[str, ...], *, fetches: bool = True) -> st.SearchStrategy[Visit]:
    return st.builds(
        Visit,
        states=states if fetches else st.just(()),
        batch=st.integers(1, 3),
        concurrency=st.integers(1, 3),
        answers=st.lists(st.sampled_from(answers), max_size=4).map(tuple),
        dies_at=st.none() | st.integers(1, 12),
        stops_at=st.none() | st.integers(1, 3),
        final=st.booleans(),
        settles=st.booleans(),
    )


def scenes(answers: tuple[str, ...]) -> st.SearchStrategy[list[Any]]:
    run, visit, again = st.integers(0, RUNS - 1), visits(answers), visits(answers, fetches=False)
    step = st.one_of(
        st.tuples(st.just("visit"), run, visit),
        st.tuples(st.just("send"), run, again),
        st.tuples(st.just("together"), run, visit, visit),
        st.tuples(st.just("beside"), run, visit, again),
        st.tuples(st.just("settle"), run),
        st.tuples(st.just("time"), st.sampled_from([10.0, 100.0, 400.0, 5000.0])),
        st.tuples(st.just("maintain")),
    )
    return st.lists(step, min_size=1, max_size=7)


async def play(world: World, scene: list[Any]) -> None:
    for what, *rest in scene:
        match what, rest:
            case "visit", [number, visit]:
                await world.visit(f"r{number}", visit)
            case "send", [number, visit]:
                if f"r{number}" in world.begun:
                    await world.send(f"r{number}", visit)
            case "together", [number, one, other]:
                await world.together(world.visit(f"r{number}", one), world.visit(f"r{(number + 1) % RUNS}", other))
            case "beside", [number, one, other]:
                again = f"r{(number + 1) % RUNS}"
                works = [world.send(again, other)] if again in world.begun else []
                await world.together(world.visit(f"r{number}", one), *works)
            case "settle", [number]:
                if f"r{number}" in world.begun:
                    await world.settle(f"r{number}")
            case "time", [seconds]:
                world.clock.now += seconds
            case "maintain", []:
                await world.maintain()
    await world.calm()


def check(world: World) -> None:
    target = world.target
    with world.ledger.read() as connection:
        rows = {row.key: row for row in connection.execute(select(tables.entity))}
        assert connection.execute(select(tables.claim)).all() == []
    for run_id, balance in world.settled.items():
        assert balance.balanced, (run_id, balance)
        assert balance.counts["pending"] == 0, (run_id, balance)
    for key, received in target.received.items():
        versions = [version for version, _, _ in received]
        confirmed = [version for version, _, heard in received if heard]
        assert confirmed == sorted(confirmed), f"{key} went out of order: {versions}"
        if not target.honours:
            assert len(set(versions)) == len(versions), f"{key} was sent twice: {versions}"
        came = [content for content, _ in target.effects[key]]
        if target.honours:
            twice = {at for at, (one, other) in enumerate(itertools.pairwise(came), 1) if one == other}
            assert twice <= target.disturbed[key], f"{key} took effect twice, and nothing else may have come between"
    for key, newest in world.newest.items():
        row = rows[key]
        assert row.status != "pending"
        assert row.lease_until is None
        if row.status in CLOSED:
            assert target.has[key] == world.contents[key][newest - 1], f"{key}: {row.status}, the target has another"
        else:
            assert row.status in ("failed", "waiting") or (row.status == "in_doubt" and row.next_attempt is None)
            assert row.message
            states = world.contents[key]
            assert states[int(row.version) - 1] == states[newest - 1], f"{key}: {row.status} is about {row.version}"
        if row.delivered_version is not None and row.status in CLOSED:
            stated = world.contents[key][int(row.delivered_version) - 1]
            assert target.has[key] == stated, f"{key}: the ledger says {row.delivered_version} was delivered"


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    """One for all examples, emptied between them: it keeps its compiled statements."""
    with Ledger.temporary() as opened:
        yield opened


def work(
    make_run: MakeRun,
    ledger: Ledger,
    contents: Contents,
    scene: list[Any],
    *,
    honours: bool,
    parts: int = 1,
    shares: bool = True,
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(asyncio, "to_thread", at_once)
        with ledger.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(delete(table))
        world = World(make_run, ledger, Path(folder), contents, honours=honours, parts=parts, shares=shares)
        asyncio.run(asyncio.wait_for(play(world, scene), 60))
        check(world)


SEARCH = int(os.environ.get("SEARCH_EXAMPLES", "0"))
"""Above 0: so many examples that nobody has seen (``make search``). Else the same ones each time, so that a change is
judged by what it changes."""
CALM = settings(
    max_examples=SEARCH or 60, suppress_health_check=list(HealthCheck), derandomize=not SEARCH, deadline=None
)


@pytest.mark.long
@CALM
@given(contents=contents, scene=scenes(ANSWERS))
def test_a_target_that_knows_what_it_has(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    work(make_run, ledger, contents, scene, honours=True)


@pytest.mark.long
@CALM
@given(contents=contents, scene=scenes(HELD))
def test_a_target_that_must_not_get_anything_twice(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    work(make_run, ledger, contents, scene, honours=False)


@pytest.mark.long
@CALM
@given(contents=contents, scene=scenes(ANSWERS))
def test_parts_to_a_target_that_knows_what_it_has(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    """The two keys are in different parts, and each part transforms its own."""
    work(make_run, ledger, contents, scene, honours=True, parts=2)


@pytest.mark.long
@CALM
@given(contents=contents, scene=scenes(HELD))
def test_parts_to_a_target_that_must_not_get_anything_twice(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    work(make_run, ledger, contents, scene, honours=False, parts=2)


@pytest.mark.long
@CALM
@given(contents=contents, scene=scenes(ANSWERS))
def test_parts_of_push_alone_to_a_target_that_knows_what_it_has(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    """One process has transformed the entities of both."""
    work(make_run, ledger, contents, scene, honours=True, parts=2, shares=False)
