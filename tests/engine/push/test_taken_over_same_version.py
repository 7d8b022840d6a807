"""Of two states with one version, what an earlier run made is older than what this run makes: the target ends with the
newest, whatever became of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryOutgoing, NoConnections, all_delivered
from push_scene import MakeRun, Scene, answering, away, order

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.run import Services

V = {"entity": {"name": "order", "key": "order.number", "version": "order.at"}}
OLD = {**V, "transform": [{"map": {"number": "order.number", "made": {"const": "old"}}}]}
NEW = {**V, "transform": [{"map": {"number": "order.number", "made": {"const": "new"}}}]}
FILTERED = {**V, "transform": [{"filter": "False"}]}
REJECTED = {**V, "transform": [{"validate": {"schema": {"not": {}}}}]}


@pytest.fixture
def scene(make_run: MakeRun, tmp_path: Path) -> Scene:
    return Scene(make_run, Services(NoConnections(), now=Clock(), ledger=Ledger.temporary()), tmp_path)


def sent() -> list[Any]:
    values = [outbound.value["made"] for batch in MemoryOutgoing.sent for outbound in batch]
    MemoryOutgoing.sent = []
    return values


def status(scene: Scene) -> str:
    found = where(scene.services.ledger, "orders", "1", scene.services.now())
    assert found is not None
    return found.status


def later(scene: Scene, seconds: float) -> None:
    clock: Any = scene.services.now
    clock.now += seconds


async def retrying(scene: Scene, at: object) -> None:
    """The old definition's state waits for its retry, and is due."""
    MemoryOutgoing.answer = answering("failed", later=True)
    await scene.run(order(1, at=at), route=OLD)
    assert (sent(), status(scene)) == (["old"], "retrying")
    later(scene, 3600)


@pytest.mark.parametrize("at", [5, "2026-01-01T00:00:00Z"])
async def test_what_this_run_delivers_is_not_overwritten(scene: Scene, at: object) -> None:
    await retrying(scene, at)
    MemoryOutgoing.answer = all_delivered
    balance = await scene.run(order(1, at=at), route=NEW)
    assert (sent(), status(scene)) == (["new"], "superseded")
    assert (balance.counts["delivered"], balance.counts["superseded"], balance.balanced) == (1, 1, True)
    assert (await scene.run(order(1, at=at), route=NEW)).counts["unchanged"] == 1


@pytest.mark.parametrize(
    ("answer", "route", "after"),
    [
        (answering("failed"), NEW, "failed"),
        (answering("in_doubt"), NEW, "in_doubt"),
        (answering("waiting"), NEW, "waiting"),
        (all_delivered, REJECTED, "rejected"),
    ],
)
async def test_what_becomes_of_this_runs_state_counts(
    scene: Scene, answer: Callable[..., Any], route: dict[str, Any], after: str
) -> None:
    """The older state is neither sent behind it nor closes it."""
    await retrying(scene, 5)
    MemoryOutgoing.answer = answer
    balance = await scene.run(order(1, at=5), route=route)
    assert "old" not in sent()
    assert (status(scene), balance.counts["superseded"], balance.balanced) == (after, 1, True)


async def test_what_the_route_no_longer_wants_is_not_sent(scene: Scene) -> None:
    await retrying(scene, 5)
    MemoryOutgoing.answer = all_delivered
    balance = await scene.run(order(1, at=5), route=FILTERED)
    assert (sent(), balance.counts["filtered"], balance.counts["superseded"]) == ([], 1, 1)


async def test_in_an_outage_the_newest_is_the_one_that_waits(scene: Scene) -> None:
    await retrying(scene, 5)
    MemoryOutgoing.answer = away
    balance = await scene.run(order(1, at=5), route=NEW)
    assert (status(scene), balance.counts["superseded"], balance.counts["retrying"]) == ("retrying", 1, 1)
    later(scene, 36_000)
    MemoryOutgoing.answer = all_delivered
    await scene.run(route=NEW)
    assert sent()[-1:] == ["new"]


async def test_alone_it_goes_out(scene: Scene) -> None:
    await retrying(scene, 5)
    MemoryOutgoing.answer = all_delivered
    await scene.run(order(2, at=5), route=NEW)
    assert sorted(sent()) == ["new", "old"]
    assert status(scene) == "delivered"
