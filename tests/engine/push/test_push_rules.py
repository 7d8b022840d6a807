"""One rule of push a test: what the model of its runs found, as small as it gets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from engine_kinds import Clock, MemoryOutgoing, all_delivered
from push_scene import MakeRun, Scene, answering, order, sent

from airflow_integrations.errors import OutageError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Services

BY_VERSION = {
    "entity": {"name": "order", "key": "order.number", "version": "order.version"},
    "transform": [{"map": {"total": "order.total"}}],
    "delivery": {"batch": 1, "concurrency": 1},
}


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path) -> Scene:
    return Scene(make_run, services, tmp_path)


def state(version: int, total: int) -> dict[str, object]:
    return order("A", version=version, total=total)


async def test_what_lies_between_the_delivered_version_and_an_unchanged_one_is_not_sent(scene: Scene) -> None:
    await scene.run(state(2, 0), route=BY_VERSION)
    assert (await scene.run(state(5, 0), route=BY_VERSION)).lines() == ["1 fetched = 1 unchanged"]
    assert (await scene.run(state(6, 0), route=BY_VERSION)).lines() == ["1 fetched = 1 unchanged"]
    assert (await scene.run(state(3, 1), route=BY_VERSION)).lines() == ["1 fetched = 1 superseded"]
    assert sent() == ["A"]


async def test_the_same_within_one_run(scene: Scene) -> None:
    balance = await scene.run(state(2, 0), state(5, 0), state(3, 1), route=BY_VERSION)
    assert balance.lines() == ["3 fetched = 1 delivered + 1 unchanged + 1 superseded"]


@pytest.mark.parametrize("later", [2, 5])
async def test_the_same_content_once_more_does_not_close_one_that_met_an_outage(
    scene: Scene, clock: Clock, later: int
) -> None:
    def away_once(batch: Sequence[Outbound]) -> list[Result]:
        MemoryOutgoing.answer = all_delivered
        raise OutageError("503", status=503)

    MemoryOutgoing.answer = away_once
    await scene.run(state(2, 0), order("B", version=1, total=1), state(later, 0), route=BY_VERSION)
    assert sent() == ["B"]
    clock.now += 3600
    assert (await scene.run(route=BY_VERSION)).lines() == ["0 fetched + 1 carried in = 1 delivered"]
    assert sent() == ["A"]


async def test_a_state_that_comes_back_is_sent_where_another_may_have_arrived_since(scene: Scene) -> None:
    await scene.run(state(1, 0), route=BY_VERSION)
    MemoryOutgoing.answer = answering("in_doubt", reason="no answer")
    await scene.run(state(2, 1), route=BY_VERSION)
    MemoryOutgoing.answer = all_delivered
    assert (await scene.run(state(3, 0), route=BY_VERSION)).lines() == ["1 fetched = 1 delivered"]
    assert sent() == ["A", "A", "A"]
