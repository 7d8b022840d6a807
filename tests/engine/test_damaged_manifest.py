"""Both copies of a run's manifest are damaged: what the message advises works, and later runs are not hindered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered
from push_scene import MakeRun, Scene, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import DamagedManifest, Staging

EVENTS = {"incoming": {"none": {}}, "trigger": {"webhook": {"path": "orders", "verify": "none"}}}


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


def damage(staging: Staging, stage: str) -> dict[str, bytes]:
    """What the files were before."""
    names = (f"{stage}.json", f"{stage}.json.copy")
    before = {name: (staging.folder / name).read_bytes() for name in names}
    for name in names:
        (staging.folder / name).write_bytes(before[name][:40])
    return before


def refuses_two(batch: Sequence[Outbound]) -> list[Result]:
    return [Result("failed", reason="no", http_status=422) if one.key == "2" else Result("delivered") for one in batch]


async def pushed(scene: Scene, run: Run, *records: object) -> Staging:
    """Everything but settle."""
    MemoryIncoming.pages_to_give, MemoryOutgoing.answer = [list(records)], refuses_two
    staging = scene.staging(run)
    for stage in (fetch, transform, push):
        await stage(run, scene.services, staging)
    MemoryOutgoing.answer = all_delivered
    return staging


@pytest.mark.parametrize("stage", ["fetch", "transform"])
async def test_another_run_of_the_window_delivers_what_is_left(
    scene: Scene, clock: Clock, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    staging = await pushed(scene, scene.make_run(run_id="run-0"), order(1), order(2), order(3))
    ref = await run_ref(scene.make_run(run_id="run-0"), scene.services, staging)
    reserve(scene.services.ledger, ref, ["3"], first=2, lease_until=clock.now + 60, now=clock.now)  # it dies sending
    damage(staging, stage)
    with pytest.raises(DamagedManifest, match="start another run of the same window"):
        await fetch(scene.make_run(run_id="run-0"), scene.services, staging)
    clock.now += 86_400
    sent()
    balance = await scene.whole(scene.make_run(run_id="run-1", explicit=True), order(1), order(2), order(4))
    assert balance.balanced
    assert sorted(sent()) == ["2", "4"], "what was delivered is not sent again"
    assert "is damaged and has no sound copy" in caplog.text
    assert (await scene.whole(scene.make_run(run_id="run-2", explicit=True), order(1), order(2))).counts["unchanged"]
    assert sent() == []


async def test_a_backup_that_is_put_back_lets_the_run_go_on(scene: Scene) -> None:
    run = scene.make_run(run_id="run-0")
    staging = await pushed(scene, run, order(1), order(2))
    before = damage(staging, "fetch")
    (staging.folder / "fetch.json").write_bytes(before["fetch.json.copy"])
    sent()
    await scene.whole(run, order(1), order(2))
    assert sent() == ["2"]


async def test_events_that_the_run_had_taken_wait_again(scene: Scene, clock: Clock) -> None:
    services = scene.services
    events = [
        NewEvent(route="orders", event_id=str(at), body=json.dumps([order(at)]).encode(), source="webhook")
        for at in (1, 2)
    ]
    services.ledger.inbox.put(events, services.now())
    run = scene.make_run(route=EVENTS, run_id="run-0", events=True)
    staging = scene.staging(run)
    await fetch(run, services, staging)
    damage(staging, "fetch")
    clock.now += 86_400
    sent()
    await scene.whole(scene.make_run(route=EVENTS, run_id="run-1", events=True))
    assert sorted(sent()) == ["1", "2"]
