"""Whatever happens to runs whose entities go in three requests: no step is lost, none takes effect twice."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from push_target import Visit
from push_world import Contents, MakeRun, at_once
from sqlalchemy import delete, select
from steps_target import ANSWERS, HELD, PATHS, StepWorld
from test_push_model import CALM, VERSIONS, contents, play, scenes

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.status import CLOSED
from airflow_integrations.ledger.storage import tables


def check(world: StepWorld) -> None:
    target = world.told
    with world.ledger.read() as connection:
        rows = {row.key: row for row in connection.execute(select(tables.entity))}
        kept = {row.key: row for row in connection.execute(select(tables.progress))}
        assert connection.execute(select(tables.claim)).all() == []
    for run_id, balance in world.settled.items():
        assert balance.balanced, (run_id, balance)
        assert balance.counts["pending"] == 0, (run_id, balance)
    for path, effects in target.effects.items():
        for key, came in effects.items():
            twice = {at for at, (a, b) in enumerate(itertools.pairwise(came), 1) if a.content == b.content}
            assert twice <= target.disturbed[path][key], f"{path} took effect twice for {key}: {came}"
    for key, newest in world.newest.items():
        row, states = rows[key], world.contents[key]
        assert row.status != "pending"
        if row.status in CLOSED:
            assert key not in kept or row.status == "skipped"
            for path in PATHS:
                last = target.effects[path][key][-1]
                assert last.content == states[newest - 1], f"{key}: {row.status}, {path} is about another state"
            assert row.target_id == str(target.effects["/first"][key][-1].number)
        else:
            assert row.status == "failed" or (row.status == "in_doubt" and row.next_attempt is None), row
            assert row.message
            assert states[int(row.version) - 1] == states[newest - 1], f"{key}: {row.status} is about {row.version}"


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with Ledger.temporary() as opened:
        yield opened


def work(make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any], *, honours: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(asyncio, "to_thread", at_once)
        with ledger.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(delete(table))
        world = StepWorld(make_run, ledger, Path(folder), contents, honours=honours)
        asyncio.run(asyncio.wait_for(play(world, scene), 60))
        check(world)


@CALM
@given(contents=contents, scene=scenes(ANSWERS))
def test_a_target_that_takes_idempotency_keys(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    work(make_run, ledger, contents, scene, honours=True)


@CALM
@given(contents=contents, scene=scenes(HELD))
def test_a_target_that_must_not_get_anything_twice(
    make_run: MakeRun, ledger: Ledger, contents: Contents, scene: list[Any]
) -> None:
    work(make_run, ledger, contents, scene, honours=False)


RETURNING: Contents = {key: [0, 1, 0, 1, 0] for key in "ad"}


def broken_off(answers: tuple[str, ...]) -> st.SearchStrategy[list[Any]]:
    """Runs of one entity whose content returns, one after the other, each with the next one to three states of it; most
    requests are answered, and each run breaks off somewhere."""
    visit = st.builds(
        lambda count, came, then: (count, ("ok",) * came + then),
        st.integers(1, 3),
        st.integers(0, 2),
        st.lists(st.sampled_from(answers), min_size=1, max_size=2).map(tuple),
    )

    def scene(runs: list[tuple[int, tuple[str, ...]]]) -> list[Any]:
        first, steps = 1, list[Any]()
        for number, (count, told) in enumerate(runs):
            states = tuple(("a", version) for version in range(first, min(first + count, VERSIONS + 1)))
            steps += [("visit", number, Visit(states, answers=told)), ("time", 400.0)]
            first += count
        return steps

    return st.lists(visit, min_size=2, max_size=3).map(scene)


@settings(CALM, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # making a long scene shorter takes minutes
@given(scene=broken_off(("away", "lost", "silent", "throttle")))
def test_content_that_returns(make_run: MakeRun, ledger: Ledger, scene: list[Any]) -> None:
    """A, B, A: what was confirmed of the first A does not count for the second one once B may have arrived."""
    work(make_run, ledger, RETURNING, scene, honours=True)
