"""Pushes that were killed, cleared or left without a ledger: nothing is lost, and nothing goes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered
from push_scene import MakeRun, Scene, answering, away, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.journal.replay import absorb
from airflow_integrations.engine.push.ledger_writer import FLUSH_ENTITIES, LedgerWriter
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.runs import applied_lines
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Services


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


async def test_what_a_journal_knows_and_the_ledger_does_not_is_absorbed_before_it_is_cleared(
    scene: Scene, make_run: MakeRun
) -> None:
    """Killed between the confirmation and the ledger, then cleared from fetch: nothing goes twice."""
    run = make_run(run_id="killed")
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = [[order(1), order(2)]]
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    ref = await run_ref(run, scene.services, staging)
    journal = Journal.open(staging, 2)
    await journal.sent([0])
    journal.done([0], [Outcome(key="1", status="delivered", target_id="T-1")])
    journal.close()
    await absorb(run, ref, scene.services, staging)
    await absorb(run, ref, scene.services, staging)
    balance = await scene.whole(run, order(1), order(2))
    assert balance.counts["unchanged"] == balance.counts["delivered"] == 1
    assert sent() == ["2"]


async def test_a_run_whose_push_is_cleared_delivers_what_it_left(scene: Scene, make_run: MakeRun, clock: Clock) -> None:
    run = make_run(run_id="cleared")
    MemoryOutgoing.answer = away
    assert (await scene.whole(run, order(1), order(2))).lines() == ["2 fetched = 2 retrying"]
    MemoryOutgoing.answer = all_delivered
    clock.now += 3600
    await push(run, scene.services, scene.staging(run), final=True)
    balance = await settle(run, scene.services, scene.staging(run))
    assert balance.lines() == ["2 fetched = 2 delivered"]
    assert (await scene.run()).lines() == ["0 fetched = 0"], "nothing is left for a later run"


async def test_a_ledger_that_is_away_stops_the_push_and_loses_nothing(
    scene: Scene, make_run: MakeRun, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(run_id="away")
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = [[order(n) for n in range(10)]]
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    ledger = scene.services.ledger

    def gone(*_: object, **__: object) -> None:
        raise OutageError("the ledger's database does not answer")

    with monkeypatch.context() as patched:
        patched.setattr("airflow_integrations.engine.push.ledger_writer.conclude", gone)
        with pytest.raises(OutageError, match="does not answer"):
            await push(run, scene.services, staging, final=True)
    assert len(sent()) == 10
    clock.now += 3600
    await push(run, Services(NoConnections(), now=clock, ledger=ledger), staging, final=True)
    assert sent() == [], "the journal knew"
    assert (await settle(run, scene.services, staging)).lines() == ["10 fetched = 10 delivered"]
    assert (await scene.run(*(order(n) for n in range(10)))).lines() == ["10 fetched = 10 unchanged"]


@pytest.mark.parametrize("ended", ["in_doubt", "killed"])
async def test_a_held_entity_is_not_sent_by_a_run_that_is_cleared_from_fetch(
    scene: Scene, make_run: MakeRun, ended: str
) -> None:
    run = make_run(run_id="cleared")
    staging = scene.staging(run)
    if ended == "in_doubt":
        MemoryOutgoing.answer = answering("in_doubt", reason="reset")
        await scene.whole(run, order(1))
    else:
        MemoryIncoming.pages_to_give = [[order(1)]]
        await fetch(run, scene.services, staging)
        await transform(run, scene.services, staging)
        journal = Journal.open(staging, 1)
        await journal.sent([0])
        journal.close()
    sent()
    MemoryOutgoing.answer = all_delivered
    balance = await scene.whole(run, order(1))
    assert sent() == []
    assert balance.counts["in_doubt"] == 1


async def test_a_journal_that_lost_lines_goes_on_where_it_is(scene: Scene, make_run: MakeRun, clock: Clock) -> None:
    """The machine died: the ledger has more than the file. What the next attempt hears must count all the same."""

    def third_is_away(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "3":
            raise OutageError("503", status=503)
        return all_delivered(batch)

    MemoryOutgoing.answer = third_is_away
    run = make_run(run_id="lost", route={"delivery": {"concurrency": 1}})
    staging = scene.staging(run)
    await scene.whole(run, order(1), order(2), order(3))
    (staging.folder / "push.journal").write_bytes(b"")
    sent()
    MemoryOutgoing.answer = all_delivered
    clock.now += 7200
    await push(run, scene.services, staging, final=True)
    assert sent() == ["3"], "the ledger knows the others"
    balance = await settle(run, scene.services, staging)
    assert balance.lines() == ["3 fetched = 1 delivered + 2 unchanged"]
    assert (await scene.run(order(3))).lines() == ["1 fetched = 1 unchanged"]
    assert sent() == []


async def test_books_end_also_where_they_are_asked_to_in_the_instant_something_is_to_be_written(
    scene: Scene, make_run: MakeRun
) -> None:
    """A cancellation that comes together with what is waited for is lost in Python 3.11: nothing may depend on one."""
    run = make_run(run_id="quick")
    staging = scene.staging(run)
    ref = await run_ref(run, scene.services, staging)
    journal = Journal.open(staging, FLUSH_ENTITIES)
    for _ in range(20):
        async with asyncio.timeout(10):
            async with LedgerWriter(ref, scene.services, journal) as books:
                await asyncio.sleep(0)
                outcomes = [Outcome(key=str(n), status="delivered", hash="h") for n in range(FLUSH_ENTITIES)]
                books.note(journal.done(range(FLUSH_ENTITIES), outcomes), outcomes)
    journal.close()
    assert applied_lines(scene.services.ledger, ref) == 20
