"""Runs that died: one whose books cannot be closed keeps no other waiting, and is told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered
from push_scene import MakeRun, Scene, answering, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.carry_over import lapsed_runs, take_due
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.runs import adopt_run
from airflow_integrations.run import Services

HOLD = {"delivery": {"in_doubt": "hold"}}


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


async def dead(scene: Scene, name: str, number: int) -> Path:
    """A run that sent one entity and died before it heard of it; its lease ends soon. Returns its folder."""
    run = scene.make_run(route=HOLD, run_id=name)
    staging, now = scene.staging(run), scene.services.now()
    MemoryIncoming.pages_to_give = [[order(number)]]
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    ref = await run_ref(run, scene.services, staging)
    reserve(scene.services.ledger, ref, [str(number)], first=0, lease_until=now + 100, now=now)
    journal = Journal.open(staging, 1)
    await journal.sent([0])
    journal.close()
    return staging.folder


async def test_a_run_whose_books_cannot_be_closed_now_keeps_no_other_waiting(
    scene: Scene, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """And nobody sends what it may have sent, until they are closed."""
    caplog.set_level(logging.ERROR)
    folder = await dead(scene, "dead-1", 1)
    await dead(scene, "dead-2", 2)
    clock.now += 200
    journal = (folder / "push.journal").rename(folder / "kept")
    (folder / "push.journal").mkdir()  # reading it is an OSError, as a disk makes one
    balance = await scene.run(order(1), order(2), route=HOLD)
    assert sent() == []
    assert (balance.counts["retrying"], balance.counts["in_doubt"]) == (1, 1)
    assert "run dead-1 of orders died, and its books cannot be closed now, and are later" in caplog.text
    (folder / "push.journal").rmdir()
    journal.rename(folder / "push.journal")
    clock.now += 301
    balance = await scene.run(order(1), order(2), route=HOLD)
    assert sent() == []
    assert balance.counts["in_doubt"] >= 2


async def test_a_run_whose_books_cannot_be_closed_keeps_no_other_waiting(
    scene: Scene, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What is damaged stays so: it is told, and its entities are free."""
    caplog.set_level(logging.ERROR)
    folder = await dead(scene, "dead-1", 1)
    await dead(scene, "dead-2", 2)
    clock.now += 200
    for segment in folder.glob("transform-*.zst"):
        segment.write_bytes(segment.read_bytes()[:10])
    balance = await scene.run(order(1), order(2), route=HOLD)
    assert sent() == ["1"]
    assert (balance.counts["delivered"], balance.counts["in_doubt"]) == (1, 1)
    assert "run dead-1 of orders died, and its books cannot be closed: " in caplog.text


async def test_while_somebody_closes_the_books_of_a_run_nobody_takes_what_it_had_in_flight(
    scene: Scene, clock: Clock
) -> None:
    await dead(scene, "dead", 1)
    clock.now += 200
    (lapsed,) = lapsed_runs(scene.services.ledger, "orders", clock.now)
    assert adopt_run(scene.services.ledger, lapsed.run, until=clock.now + 300, now=clock.now)
    assert (await scene.run(order(1), route=HOLD)).lines()[0] == "1 fetched = 1 retrying"
    assert sent() == []
    clock.now += 301
    run = scene.make_run(route=HOLD, run_id="next")
    assert await recover(run.route, lapsed, scene.services, scene.staging(run)) is not None
    assert (await scene.run(order(1), route=HOLD)).counts["in_doubt"] >= 1
    assert sent() == []


async def test_a_run_of_a_route_whose_file_is_broken_now_is_closed_by_what_it_began_with(
    scene: Scene, clock: Clock
) -> None:
    """Otherwise what it had sent, and nobody had heard of, would be sent again when the file is mended."""
    await dead(scene, "dead", 1)
    clock.now += 200
    (lapsed,) = lapsed_runs(scene.services.ledger, "orders", clock.now)
    near = scene.staging(scene.make_run(route=HOLD, run_id="near"))
    balance = await recover(None, lapsed, scene.services, near)
    assert balance is not None
    assert balance.counts["in_doubt"] == 1
    assert (await scene.run(order(1), route=HOLD)).counts["in_doubt"] == 1
    assert sent() == []


async def test_a_run_of_which_nothing_is_kept_gives_up_what_it_had(scene: Scene, clock: Clock) -> None:
    folder = await dead(scene, "dead", 1)
    (folder / "definition.zst").unlink()
    clock.now += 200
    (lapsed,) = lapsed_runs(scene.services.ledger, "orders", clock.now)
    near = scene.staging(scene.make_run(route=HOLD, run_id="near"))
    assert await recover(None, lapsed, scene.services, near) is None
    assert (await scene.run(order(1), route=HOLD)).counts["delivered"] == 1


@pytest.mark.parametrize("transform", [[], [{"split": {"each": "order.lines", "key": "item.sku"}}]])
async def test_what_a_dead_run_took_over_and_staged_nowhere_is_given_back(
    scene: Scene, clock: Clock, transform: list[dict[str, object]]
) -> None:
    """A live run takes over more at any time; it may die before that is in its books, which balance all the same."""
    MemoryOutgoing.answer = answering("failed", reason="no", http_status=422)
    await scene.run(order(1))
    MemoryOutgoing.answer = all_delivered
    run = scene.make_run(route={"transform": transform}, run_id="live__1")
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = []
    await fetch(run, scene.services, staging)
    ref = await run_ref(run, scene.services, staging)
    await push(run, scene.services, staging, final=True)
    ledger, now = scene.services.ledger, clock.now
    taken = take_due(ledger, ref, now=now, lease_until=now + 100, limit=10, wanted=RetryWanted(keys=frozenset("1")))
    assert [due.key for due in taken] == ["1"]
    clock.now += 400
    await settle(run, scene.services, staging, died=True)
    balance = await scene.run()
    assert balance.counts["delivered"] == 1
