"""A route that is edited while a run of it is under way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered
from push_scene import MakeRun, Scene, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.run import Services


@pytest.fixture
def scene(make_run: MakeRun, tmp_path: Path) -> Scene:
    MemoryOutgoing.answer = all_delivered
    sent()
    return Scene(make_run, Services(NoConnections(), now=Clock(), ledger=Ledger.temporary()), tmp_path)


async def test_an_edit_that_changes_no_data_leaves_a_run_alone(scene: Scene, make_run: MakeRun) -> None:
    run = make_run(run_id="r")
    edited = replace(run, route=make_run(route={"description": "All of them", "mask": ["order.email"]}).route)
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = [[order(1)]]
    await fetch(run, scene.services, staging)
    await transform(edited, scene.services, staging)
    await push(replace(edited, route=make_run(route={"tags": ["x"]}).route), scene.services, staging)
    balance = await settle(edited, scene.services, staging)
    assert (balance.verdict, sent()) == (None, ["1"])


@pytest.mark.parametrize("until", ["fetch", "transform"])
async def test_the_remedy_for_another_edit_works(scene: Scene, make_run: MakeRun, until: str) -> None:
    run = make_run(run_id="r")
    edited = replace(run, route=make_run(route={"delivery": {"batch": 2}}).route)
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = [[order(1)]]
    await fetch(run, scene.services, staging)
    if until == "transform":
        await transform(run, scene.services, staging)
    with pytest.raises(RunError, match="clear the task fetch of this run, with Downstream"):
        await (transform if until == "fetch" else push)(edited, scene.services, staging)
    balance = await settle(edited, scene.services, staging)
    assert balance.changed
    assert balance.verdict is not None
    balance = await scene.whole(edited, order(1))
    assert (balance.verdict, balance.changed, sent()) == (None, False, ["1"])


@pytest.mark.parametrize(("was", "is_"), [(False, True), (True, False)])
async def test_the_books_of_a_run_that_died_are_closed_by_what_it_sent_with(
    scene: Scene, make_run: MakeRun, was: bool, is_: bool
) -> None:
    """A POST that nobody answered is held for a person, also where the route is a PUT by now; and the other way."""
    run = make_run(run_id="r", route={"outgoing": {"memory": {"repeatable": was}}})
    edited = make_run(route={"outgoing": {"memory": {"repeatable": is_}}}).route
    staging, ledger = scene.staging(run), scene.services.ledger
    MemoryIncoming.pages_to_give = [[order(1)]]
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    ref = await run_ref(run, scene.services, staging)
    now = scene.services.now()
    reserve(ledger, ref, ["1"], first=0, lease_until=now + 60, now=now)
    journal = Journal.open(staging, 1)
    await journal.sent([0])
    journal.close()
    scene.services.now.now += 3600  # type: ignore[attr-defined]
    (lapsed,) = lapsed_runs(ledger, "orders", scene.services.now())
    balance = await recover(edited, lapsed, scene.services, staging)
    assert balance is not None
    assert (balance.counts["in_doubt"], balance.balanced) == (1, True)
    found = where(ledger, "orders", "1", scene.services.now())
    assert found is not None
    assert (found.next_attempt is not None) is was
