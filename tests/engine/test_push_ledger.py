"""What a push does with what the ledger knows: nothing twice, nothing out of order, nothing given up too early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered

from airflow_integrations.engine import Balance, fetch, push, settle, transform
from airflow_integrations.engine.absorb import absorb
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.run_ref import run_ref
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Outcome, RetryWanted
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Staging
from airflow_integrations.transform.filter import Filter

MakeRun = Callable[..., Run]
REPEATABLE = {"outgoing": {"memory": {"repeatable": True}}}


class Scene:
    """Runs of one route, one after the other or at once, with one ledger."""

    def __init__(self, make_run: MakeRun, services: Services, folder: Path) -> None:
        self.make_run = make_run
        self.services = services
        self.folder = folder
        self.number = 0

    def staging(self, run: Run) -> Staging:
        return Staging(self.folder, "orders", run.run_id)

    async def run(self, *records: Any, route: dict[str, Any] | None = None, **asked: Any) -> Balance:
        self.number += 1
        run = self.make_run(route=route, run_id=f"run-{self.number}", **asked)
        return await self.whole(run, *records)

    async def whole(self, run: Run, *records: Any, final: bool = True) -> Balance:
        staging = self.staging(run)
        MemoryIncoming.pages_to_give = [list(records)]
        fetched = await fetch(run, self.services, staging)
        if fetched.segments:
            await transform(run, self.services, staging)
        await push(run, self.services, staging, final=final)
        return await settle(run, self.services, staging)


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


def order(number: Any, **fields: Any) -> dict[str, Any]:
    return {"number": number, **fields}


def sent() -> list[str]:
    keys = [outbound.key for batch in MemoryOutgoing.sent for outbound in batch]
    MemoryOutgoing.sent = []
    return keys


def answering(status: Any, **told: Any) -> Callable[[Sequence[Outbound]], list[Result]]:
    return lambda batch: [Result(status, **told) for _ in batch]


def away(batch: Sequence[Outbound]) -> list[Result]:
    raise OutageError("connection refused")


async def test_the_same_content_goes_out_once_whatever_run_brings_it(scene: Scene) -> None:
    assert (await scene.run(order(1, total=5), order(2, total=5))).lines() == ["2 fetched = 2 delivered"]
    assert (await scene.run(order(1, total=5), order(2, total=6))).lines() == ["2 fetched = 1 delivered + 1 unchanged"]
    assert sent() == ["1", "2", "2"]
    always = {"delivery": {"resend": "always"}}
    assert (await scene.run(order(1, total=5), route=always)).lines() == ["1 fetched = 1 delivered"]
    assert sent() == ["1"]


async def test_a_content_that_comes_back_is_a_delivery_of_its_own(scene: Scene) -> None:
    keys = []
    for total in (1, 2, 1):
        await scene.run(order("A", total=total))
        ((outbound,),) = MemoryOutgoing.sent
        keys.append(outbound.idempotency_key)
        MemoryOutgoing.sent = []
    assert len(set(keys)) == 3


async def test_an_older_version_is_never_sent_after_a_newer_one(scene: Scene) -> None:
    route = {"entity": {"name": "order", "key": "order.number", "version": "order.version"}}
    await scene.run(order("A", version=10, total=2), route=route)
    balance = await scene.run(order("A", version=9, total=1), order("B", version=9, total=1), route=route)
    assert balance.lines() == ["2 fetched = 1 delivered + 1 superseded"]
    assert sent() == ["A", "B"]


async def test_an_entity_is_given_up_after_so_many_attempts_and_a_new_state_begins_anew(
    scene: Scene, clock: Clock
) -> None:
    route = {"delivery": {"retry": {"attempts": 3, "delay": "1m"}, "concurrency": 1}}

    def five_is_poison(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "5" and batch[0].value["total"] == 1:
            raise OutageError("503", status=503)
        return all_delivered(batch)

    MemoryOutgoing.answer = five_is_poison
    fates = []
    for round_number in range(3):
        clock.now += 3600
        balance = await scene.run(order(f"other-{round_number}"), order(5, total=1), route=route)
        fates.append(balance.lines()[0])
    assert fates[:2] == [
        "2 fetched = 1 delivered + 1 retrying",
        "2 fetched + 1 carried in = 1 delivered + 1 superseded + 1 retrying",
    ]
    assert fates[2] == "2 fetched + 1 carried in = 1 delivered + 1 superseded + 1 failed"
    balance = await scene.run(order(5, total=2), route=route)
    assert balance.lines() == ["1 fetched = 1 delivered"]


async def test_what_is_not_due_yet_is_left_alone(scene: Scene) -> None:
    def poison(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "5":
            raise OutageError("503", status=503)
        return all_delivered(batch)

    MemoryOutgoing.answer = poison
    await scene.run(order(4), order(5), route={"delivery": {"concurrency": 1}})
    sent()
    balance = await scene.run(order(5), order(6))
    assert balance.lines() == ["2 fetched = 1 delivered + 1 retrying"]
    assert sent() == ["6"]


async def test_a_target_that_is_away_opens_the_circuit_and_burns_no_attempt(scene: Scene, clock: Clock) -> None:
    route = {"delivery": {"retry": {"attempts": 1}}}
    MemoryOutgoing.answer = away
    balance = await scene.run(*(order(n) for n in range(50)), route=route)
    assert balance.lines() == ["50 fetched = 50 retrying"], "nothing was decided, so nothing failed"
    MemoryOutgoing.answer = all_delivered
    assert (await scene.run(order(50), route=route)).lines() == ["1 fetched = 1 retrying"]
    assert sent() == [], "the circuit is open: the target is not asked"
    clock.now += 3600
    balance = await scene.run(order(51), route=route)
    assert balance.lines() == ["1 fetched + 51 carried in = 52 delivered"]
    assert scene.services.ledger.route_state("orders").outages == 0


async def test_a_doubtful_entity_is_held_for_a_person_where_twice_would_do_harm(scene: Scene, clock: Clock) -> None:
    MemoryOutgoing.answer = answering("in_doubt", reason="reset")
    balance = await scene.run(order(1))
    assert (balance.counts["in_doubt"], balance.verdict is not None) == (1, True)
    MemoryOutgoing.answer = all_delivered
    clock.now += 90_000
    assert (await scene.run(order(1))).counts["in_doubt"] == 1, "the same state comes again: nobody has decided yet"
    assert sent() == ["1"]
    balance = await scene.run(retry=RetryWanted(statuses=frozenset({"in_doubt"})))
    assert balance.lines() == ["0 fetched + 1 carried in = 1 delivered"]
    assert sent() == ["1"]


async def test_a_doubtful_entity_is_sent_again_with_its_key_where_twice_does_no_harm(
    scene: Scene, clock: Clock
) -> None:
    keys = []

    def lost(batch: Sequence[Outbound]) -> list[Result]:
        keys.append(batch[0].idempotency_key)
        return [Result("in_doubt", reason="reset")]

    MemoryOutgoing.answer = lost
    await scene.run(order(1), route=REPEATABLE)
    clock.now += 3600
    MemoryOutgoing.answer = all_delivered
    balance = await scene.run(route=REPEATABLE)
    assert balance.lines() == ["0 fetched + 1 carried in = 1 delivered"]
    ((_,), (again,)) = MemoryOutgoing.sent
    assert keys == [again.idempotency_key]


async def test_a_doubtful_entity_is_looked_up_where_the_route_says_so(
    scene: Scene, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"1"}

    async def verify(self: object, outbound: Outbound) -> Result | None:
        return Result("delivered", "T-found") if outbound.key in there else None

    monkeypatch.setattr(MemoryOutgoing, "verify", verify, raising=False)
    route = {"delivery": {"in_doubt": "verify"}}
    MemoryOutgoing.answer = answering("in_doubt", reason="reset")
    await scene.run(order(1), order(2), route=route)
    sent()
    MemoryOutgoing.answer = all_delivered
    clock.now += 3600
    assert (await scene.run(route=route)).lines() == ["0 fetched + 2 carried in = 2 delivered"]
    assert sent() == ["2"]


async def test_what_waits_for_a_confirmation_is_not_sent_again(scene: Scene) -> None:
    MemoryOutgoing.answer = answering("waiting", target_id="T-1", deadline=60.0)
    assert (await scene.run(order(1))).lines() == ["1 fetched = 1 waiting"]
    assert (await scene.run(order(1))).lines() == ["1 fetched = 1 waiting"]
    assert sent() == ["1"]


async def test_what_failed_together_is_tried_in_smaller_and_smaller_company(scene: Scene, clock: Clock) -> None:
    """One entity that makes the target fail does not keep its batch from being delivered."""
    route = {"delivery": {"batch": 8, "concurrency": 1, "retry": {"attempts": 9}}}

    def poison(batch: Sequence[Outbound]) -> list[Result]:
        if any(outbound.key == "3" for outbound in batch):
            raise OutageError("500", status=500)
        return all_delivered(batch)

    MemoryOutgoing.answer = poison
    await scene.run(*(order(n) for n in range(16)), route=route)
    for _ in range(6):
        clock.now += 7200
        await scene.run(order(f"new-{clock.now}"), route=route)
    assert set(sent()) >= {str(n) for n in range(16) if n != 3}


async def test_statuses_that_mean_later_at_this_target(scene: Scene, clock: Clock) -> None:
    route = {"delivery": {"retry": {"on": [409]}}}
    MemoryOutgoing.answer = answering("failed", reason="locked", http_status=409)
    assert (await scene.run(order(1), route=route)).lines() == ["1 fetched = 1 retrying"]
    MemoryOutgoing.answer = all_delivered
    clock.now += 3600
    assert (await scene.run(route=route)).lines() == ["0 fetched + 1 carried in = 1 delivered"]


async def test_two_runs_at_once_never_send_one_entity_twice(scene: Scene, make_run: MakeRun, clock: Clock) -> None:
    records = [order(n) for n in range(20)]
    first, second = make_run(run_id="a"), make_run(run_id="b")
    for run in (first, second):
        clock.now += 1
        MemoryIncoming.pages_to_give = [records]
        await fetch(run, scene.services, scene.staging(run))
        await transform(run, scene.services, scene.staging(run))

    async def slowly(batch: Sequence[Outbound]) -> list[Result]:
        await asyncio.sleep(0.01)
        return all_delivered(batch)

    MemoryOutgoing.answer = slowly  # type: ignore[assignment]
    await asyncio.gather(*(push(run, scene.services, scene.staging(run)) for run in (first, second)))
    assert sorted(sent(), key=int) == [str(n) for n in range(20)]
    balances = [await settle(run, scene.services, scene.staging(run)) for run in (first, second)]
    assert sorted(balance.lines()[0] for balance in balances) == [
        "20 fetched = 20 delivered",
        "20 fetched = 20 retrying",
    ]
    clock.now += 60
    fates = (await scene.run()).lines()[0].removeprefix("0 fetched")
    # Where the second run, which has the newer version, was the first to reserve, its delivery may have closed them.
    assert fates in (" + 20 carried in = 20 unchanged", " + 20 carried in = 20 superseded", " = 0")
    assert sent() == []


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


async def test_a_dry_run_leaves_no_trace(scene: Scene) -> None:
    balance = await scene.run(order(1), dry_run=True, route={"transform": [{"filter": "order.number != 7"}]})
    assert balance.lines() == ["1 fetched = 1 skipped"]
    assert (await scene.run(order(1))).lines() == ["1 fetched = 1 delivered"]


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
        patched.setattr(ledger, "conclude", gone)
        with pytest.raises(OutageError, match="does not answer"):
            await push(run, scene.services, staging, final=True)
    assert len(sent()) == 10
    clock.now += 3600
    await push(run, Services(NoConnections(), now=clock, ledger=ledger), staging, final=True)
    assert sent() == [], "the journal knew"
    assert (await settle(run, scene.services, staging)).lines() == ["10 fetched = 10 delivered"]
    assert (await scene.run(*(order(n) for n in range(10)))).lines() == ["10 fetched = 10 unchanged"]


async def test_a_batch_without_an_answer_goes_again_as_it_was(scene: Scene, clock: Clock) -> None:
    """A target that knows batches by their idempotency key recognises it, in whatever run it comes again."""
    route = {**REPEATABLE, "delivery": {"batch": 4, "concurrency": 1}}

    def lost(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "4":
            raise OutageError("the connection was reset")
        return all_delivered(batch)

    MemoryOutgoing.answer = lost
    balance = await scene.run(*(order(n) for n in range(12)), route=route)
    assert balance.lines() == ["12 fetched = 8 delivered + 4 retrying"]
    sent()
    MemoryOutgoing.answer = all_delivered
    clock.now += 3600
    await scene.run(*(order(n) for n in range(20, 23)), route=route)
    assert [[outbound.key for outbound in batch] for batch in MemoryOutgoing.sent] == [
        ["20", "21", "22"],
        ["4", "5", "6", "7"],
    ]


async def test_books_that_do_not_balance_name_what_was_lost(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third-party transformer that drops an entity without a word."""

    async def careless(self: object, batch: list[Any], fates: object) -> list[Any]:
        return [entity for entity in batch if entity.key != "2"]

    monkeypatch.setattr(Filter, "apply", careless)
    balance = await scene.run(order(1), order(2), order(3), route={"transform": [{"filter": "order.number > 0"}]})
    assert not balance.balanced
    assert "do not balance: 3 fetched ≠ 2 delivered. Without a fate: 2." in (balance.verdict or "")


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
