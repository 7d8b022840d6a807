"""What a preview says of entities is what a push then does with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.forecast import Forecast, forecast
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.outgoing import Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]
VERSIONED = {"entity": {"name": "order", "key": "order.number", "version": "order.version"}}


class Scene:
    def __init__(self, make_run: MakeRun, services: Services, folder: Path) -> None:
        self.make_run, self.services, self.folder, self.runs = make_run, services, folder, 0

    async def run(self, *records: Any, **definition: Any) -> list[Forecast]:
        """What was foreseen of a run's entities before they were pushed."""
        self.runs += 1
        run = self.make_run(route=definition, run_id=f"run-{self.runs}")
        staging = Staging(self.folder, "orders", run.run_id)
        MemoryIncoming.pages_to_give = [list(records)]
        fetched = await fetch(run, self.services, staging)
        transformed = await transform(run, self.services, staging)
        outbounds = list(Outbounds(staging, fetched, transformed).read())
        foreseen = await forecast(run.route, outbounds, self.services, self.services.ledger)
        MemoryOutgoing.sent = []
        await push(run, self.services, staging, final=True)
        await settle(run, self.services, staging)
        return foreseen

    @property
    def sent(self) -> int:
        return sum(len(batch) for batch in MemoryOutgoing.sent)


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


def order(number: Any, **fields: Any) -> dict[str, Any]:
    return {"number": number, **fields}


async def test_new_changed_unchanged(scene: Scene) -> None:
    assert await scene.run(order(1, total=1), order(2, total=1)) == ["new", "new"]
    assert await scene.run(order(1, total=1), order(2, total=2), order(3)) == ["unchanged", "changed", "new"]
    assert scene.sent == 2


async def test_an_older_version_is_superseded(scene: Scene) -> None:
    await scene.run(order("A", version=10), **VERSIONED)
    assert await scene.run(order("A", version=9), **VERSIONED) == ["superseded"]
    assert scene.sent == 0


async def test_what_is_the_same_and_sent_all_the_same(scene: Scene) -> None:
    await scene.run(order(1))
    assert await scene.run(order(1), delivery={"resend": "always"}) == ["again"]
    assert scene.sent == 1


async def test_states_of_one_key_come_one_after_another(scene: Scene) -> None:
    twice = [order("A", total=1), order("A", total=2), order("A", total=2)]
    assert await scene.run(*twice) == ["new", "changed", "unchanged"]
    assert scene.sent == 2
    assert await scene.run(*twice) == ["changed", "changed", "unchanged"]
    assert scene.sent == 2


async def test_a_state_that_already_waits_is_left_open_and_a_newer_one_is_new(scene: Scene, clock: Clock) -> None:
    MemoryOutgoing.answer = lambda batch: [Result("in_doubt", reason="no answer") for _ in batch]
    held = {"delivery": {"in_doubt": "hold"}}
    assert await scene.run(order(1, total=1), **held) == ["new"]
    MemoryOutgoing.answer = all_delivered
    clock.now += 60
    assert await scene.run(order(1, total=1), **held) == ["left_open"]
    assert scene.sent == 0
    clock.now += 60
    assert await scene.run(order(1, total=2), **held) == ["new"]
    assert scene.sent == 1
