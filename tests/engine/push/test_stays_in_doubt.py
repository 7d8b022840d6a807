"""What the target may hold, and must not get twice, stays in doubt until that is known, whatever else happens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered
from push_scene import REPEATABLE, MakeRun, Scene, Sends, answering, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.chunks import Chunks
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.push.session import PushSession
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.actions import entity_actions
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.maintenance.expiry import expire
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services

HOLD = {
    "entity": {"name": "order", "key": "order.number", "version": "order.rev"},
    "transform": [{"filter": 'order.state != "draft"'}],
    "delivery": {"in_doubt": "hold"},
}
VERIFY = {"delivery": {"in_doubt": "verify", "batch": 1, "concurrency": 1, "retry": {"attempts": 2, "delay": "1m"}}}
TOGETHER = {"delivery": {"in_doubt": "verify", "batch": 3, "concurrency": 1}}
ONE = Selection("orders", keys=frozenset({"1"}))
doubt = answering("in_doubt", reason="no answer")
refuse = answering("failed", reason="no", http_status=422)


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


class Asked:
    """What :meth:`Outgoing.verify` asks: ``there`` are the keys that the target has. ``silent``: it does not answer."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.silent: set[str] = set()
        self.error: Exception = OutageError("connection refused")

    async def verify(self, outbound: Outbound) -> Result | None:
        if outbound.key in self.silent:
            raise self.error
        return Result("delivered", "T-found") if outbound.key in self.there else None


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()

    async def verify(self: object, outbound: Outbound) -> Result | None:
        return await asked.verify(outbound)

    monkeypatch.setattr(MemoryOutgoing, "verify", verify, raising=False)
    return asked


async def killed(scene: Scene, run: Run, *records: object, sent: Sequence[int], delivered: Sequence[str] = ()) -> None:
    """A run whose push was killed when these had left together, and nobody had heard of them; behind the first ones,
    by their keys, whose delivery is in its journal."""
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = [list(records)]
    await fetch(run, scene.services, staging)
    await transform(run, scene.services, staging)
    journal = Journal.open(staging, len(records))
    for ordinal, key in enumerate(delivered):
        await journal.sent([ordinal])
        journal.done([ordinal], [Outcome(key=key, status="delivered")])
    await journal.sent(sent)
    journal.close()


async def test_an_entity_that_is_twice_in_a_run_which_ends_before_its_first_copy_is_answered(
    scene: Scene, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator, seed 694266902: carried in and fetched, it was taken for a state that nobody had sent,
    and was *retrying*: the word over the doubt about its first copy."""
    monkeypatch.setattr("airflow_integrations.engine.push.chunks.CHUNK_ENTITIES", 1)
    run = make_run(route={"delivery": {"in_doubt": "hold"}})
    staging = scene.staging(run)
    MemoryIncoming.pages_to_give = [[order(1), order(1)]]
    fetched = await fetch(run, scene.services, staging)
    outbounds = Outbounds(staging, fetched, await transform(run, scene.services, staging))
    with closing(Journal.open(staging, outbounds.count)) as journal:
        async with PushSession(
            run,
            await run_ref(run, scene.services, staging),
            scene.services,
            journal=journal,
            chunks=lambda session: Chunks(session, outbounds.read()),
        ) as session:
            batch = await session.plan.next()
            assert batch is not None
            session.traffic.begins(batch.keys)
            session.traffic.stop.set()
            assert await session.plan.next() is None, "nobody knows yet what became of the first"
            known = batch.chunk.known.get("1")
            unheard = session.verdicts.after(batch.outbounds[0], Result("in_doubt", reason="no answer"), known)
            session.plan.conclude(batch.chunk, batch.ordinals, [unheard])
            session.traffic.ends(batch.keys)
            await session.leave_rest(cause="outage", reason="the target is away", not_before=0.0)
    assert (await settle(run, scene.services, staging)).lines()[0] == "2 fetched = 2 in doubt"


async def test_of_two_unanswered_states_of_two_tries_beside_a_newer_one_that_is_filtered(
    scene: Scene, make_run: MakeRun
) -> None:
    """Found by the simulator, seed 694266962: each try of a run reads the events anew. In the third try only the first
    of the two states was left in doubt; the second was sent again."""
    run = make_run(route=HOLD, run_id="tried")
    states = [order(1, state="A", rev=1), order(1, state="B", rev=2), order(1, state="draft", rev=3)]
    await killed(scene, run, *states[:1], sent=[0])
    await killed(scene, run, *states[:2], sent=[1])
    balance = await scene.whole(run, *states)
    assert (balance.counts["in_doubt"], balance.counts["filtered"]) == (2, 1)
    assert sent() == []


async def test_what_was_delivered_before_one_that_is_unanswered_is_not_sent_again_beside_a_filtered_one(
    scene: Scene, make_run: MakeRun
) -> None:
    """Found by the simulator, seed 810308338: as the target might hold the second state, the first was not *unchanged*
    in the next try; it went out again, and was created twice."""
    run = make_run(route=HOLD, run_id="tried")
    states = [order(1, state="A", rev=1), order(1, state="B", rev=2), order(1, state="draft", rev=3)]
    await killed(scene, run, *states[:2], delivered=["1"], sent=[1])
    balance = await scene.whole(run, *states)
    assert sent() == []
    assert (balance.counts["superseded"], balance.counts["in_doubt"], balance.counts["filtered"]) == (1, 1, 1)


async def test_what_was_delivered_before_one_that_goes_again_does_not_go_with_it(
    scene: Scene, make_run: MakeRun
) -> None:
    """Found by the simulator, seed 670006323: that the second state might be there was known, but not of which version
    it is; so the first one seemed to have come back, and went out again under a new key."""
    run = make_run(route={**HOLD, "delivery": {"in_doubt": "resend"}}, run_id="tried")
    states = [order(1, state="A", rev=1), order(1, state="B", rev=2)]
    await killed(scene, run, *states, delivered=["1"], sent=[1])
    balance = await scene.whole(run, *states)
    assert [outbound.version for batch in MemoryOutgoing.sent for outbound in batch] == ["2"]
    assert (balance.counts["superseded"], balance.counts["delivered"]) == (1, 1)


@pytest.mark.parametrize("error", [OutageError("connection refused"), SetupError("401")], ids=["away", "refused"])
async def test_a_target_that_cannot_be_asked(
    scene: Scene, make_run: MakeRun, clock: Clock, target: Asked, error: Exception
) -> None:
    """A killed push had sent it. The next attempt cannot ask: it is as unanswered as before for the one after that."""
    run = make_run(route=VERIFY, run_id="tried")
    await killed(scene, run, order(1), sent=[0])
    target.silent, target.error = {"1"}, error
    with pytest.raises(type(error)):
        await push(run, scene.services, scene.staging(run))
    target.silent, target.there = set(), {"1"}
    clock.now += 600
    await push(run, scene.services, scene.staging(run), final=True)
    assert (await settle(run, scene.services, scene.staging(run))).counts["delivered"] == 1
    assert sent() == []


async def test_a_target_that_cannot_be_asked_until_the_run_has_ended(
    scene: Scene, make_run: MakeRun, clock: Clock, target: Asked
) -> None:
    run = make_run(route=VERIFY, run_id="tried")
    await killed(scene, run, order(1), sent=[0])
    target.silent = {"1"}
    await push(run, scene.services, scene.staging(run), final=True)
    await settle(run, scene.services, scene.staging(run))
    target.silent, target.there = set(), {"1"}
    clock.now += 7200
    assert (await scene.run(route=VERIFY)).counts["delivered"] == 1
    assert sent() == []


async def test_what_was_sent_of_a_batch_that_is_asked_for_is_not_sent_again(
    scene: Scene, make_run: MakeRun, clock: Clock, target: Asked
) -> None:
    """Three had left together. The first is there, the second is not and is sent, and then the target is away."""
    run = make_run(route=TOGETHER, run_id="tried")
    await killed(scene, run, order(1), order(2), order(3), sent=[0, 1, 2])
    target.there, target.silent = {"1"}, {"3"}
    await push(run, scene.services, scene.staging(run))
    balance = await settle(run, scene.services, scene.staging(run))
    assert (balance.counts["delivered"], balance.counts["retrying"]) == (2, 1)
    assert sent() == ["2"]
    target.there, target.silent = {"3"}, set()
    clock.now += 7200
    assert (await scene.run(route=TOGETHER)).counts["delivered"] == 1
    assert sent() == []


async def test_a_batch_of_an_earlier_run_is_asked_for(scene: Scene, clock: Clock, target: Asked) -> None:
    MemoryOutgoing.answer = doubt
    await scene.run(order(1), order(2), route=TOGETHER)
    sent()
    target.there = {"1", "2"}
    clock.now += 7200
    assert (await scene.run(route=TOGETHER)).lines() == ["0 fetched + 2 carried in = 2 delivered"]
    assert sent() == []


async def test_a_target_that_can_never_be_asked_leaves_it_to_a_person(
    scene: Scene, clock: Clock, target: Asked
) -> None:
    """It was given up as *failed* before, and who retries what has failed does not expect that it is there."""
    MemoryOutgoing.answer = doubt
    await scene.run(order(1), route=VERIFY)
    target.silent = {"1"}
    MemoryOutgoing.answer = all_delivered
    clock.now += 7200
    assert (await scene.run(order(2), route=VERIFY)).counts["in_doubt"] == 1
    assert sent() == ["1", "2"]
    target.silent, target.there = set(), {"1"}
    entity_actions.retry(scene.services.ledger, ONE, "me", clock.now)
    assert (await scene.run(route=VERIFY)).counts["delivered"] == 1
    assert sent() == []


async def test_a_newer_state_that_is_refused(scene: Scene, clock: Clock) -> None:
    """Nobody hears of A, B is refused, and the source is back at A."""
    sends = Sends(scene, clock, {"delivery": {"in_doubt": "hold"}})
    await sends.state("A", doubt)
    await sends.state("B", refuse)
    assert await sends.state("A") == {"in_doubt": 1}
    assert sends.states == ["A", "B"]


async def test_what_was_not_confirmed_in_time(scene: Scene, clock: Clock) -> None:
    """The target took it and did not confirm it: when it is fetched once more it does not simply go again."""
    sends = Sends(scene, clock, {"delivery": {"in_doubt": "hold"}})
    await sends.state("A", answering("waiting", reason="later", deadline=60))
    clock.now += 100
    assert expire(scene.services.ledger, clock.now) == 1
    assert await sends.state("A") == {"failed": 1}
    assert sends.states == ["A"]


async def test_a_person_has_it_sent_again(scene: Scene, clock: Clock) -> None:
    sends = Sends(scene, clock, {"delivery": {"in_doubt": "hold"}})
    await sends.state("A", doubt)
    assert await sends.state("A") == {"in_doubt": 1}
    entity_actions.retry(scene.services.ledger, ONE, "me", clock.now)
    assert (await sends.state("A"))["delivered"] == 1
    assert sends.states == ["A", "A"]


async def test_what_a_killed_push_sent_may_be_there_also_where_the_next_attempt_is_turned_away(
    scene: Scene, make_run: MakeRun, clock: Clock
) -> None:
    """A is delivered; B left a push that was killed, and the next attempt is told to come later. Then the source is
    back at A: the target may have B, so A is not *unchanged*."""
    sends = Sends(scene, clock, REPEATABLE)
    await sends.state("A")
    run = make_run(route=REPEATABLE, run_id="tried")
    await killed(scene, run, order(1, state="B"), sent=[0])

    def busy(batch: Sequence[Outbound]) -> list[Result]:
        raise OutageError("429", status=429)

    MemoryOutgoing.answer = busy
    await push(run, scene.services, scene.staging(run), final=True)
    await settle(run, scene.services, scene.staging(run))
    assert await sends.state("A") == {"delivered": 1}
    assert sends.states == ["A", "A"]
