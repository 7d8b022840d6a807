"""What a push does with what the ledger knows: nothing twice, nothing out of order, nothing given up too early."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered
from push_scene import REPEATABLE, MakeRun, Scene, answering, away, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Services
from airflow_integrations.transform.filter import Filter


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


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
    assert route_state(scene.services.ledger, "orders").outages == 0


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


async def test_two_runs_at_once_never_send_one_entity_twice(
    scene: Scene, make_run: MakeRun, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [order(n) for n in range(20)]
    first, second = make_run(run_id="a"), make_run(run_id="b")
    for run in (first, second):
        clock.now += 1
        MemoryIncoming.pages_to_give = [records]
        await fetch(run, scene.services, scene.staging(run))
        await transform(run, scene.services, scene.staging(run))

    reserved = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def counted(*args: Any, **kwargs: Any) -> Any:
        try:
            return reserve(*args, **kwargs)
        finally:
            loop.call_soon_threadsafe(reserved.release)

    async def both_have_reserved() -> None:
        for _ in range(2):
            await reserved.acquire()

    monkeypatch.setattr("airflow_integrations.engine.push.chunks.reserve", counted)
    waited = asyncio.ensure_future(both_have_reserved())

    async def slowly(batch: Sequence[Outbound]) -> list[Result]:
        await asyncio.wait_for(asyncio.shield(waited), 30)
        return all_delivered(batch)

    MemoryOutgoing.answer = slowly
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


async def test_a_dry_run_leaves_no_trace(scene: Scene) -> None:
    balance = await scene.run(order(1), dry_run=True, route={"transform": [{"filter": "order.number != 7"}]})
    assert balance.lines() == ["1 fetched = 1 skipped"]
    assert (await scene.run(order(1))).lines() == ["1 fetched = 1 delivered"]


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


async def test_a_batch_does_not_go_again_as_it_was_before_a_newer_state_of_its_entities(
    scene: Scene, clock: Clock
) -> None:
    """The states of a key go in their order, also where the newer one is still under way."""
    route = {
        **REPEATABLE,
        "entity": {"name": "order", "key": "order.number", "version": "order.version"},
        "delivery": {"batch": 2, "concurrency": 4},
    }

    def lost(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "1":
            raise OutageError("the connection was reset")
        return all_delivered(batch)

    MemoryOutgoing.answer = lost
    await scene.run(*(order(n, version=1) for n in (1, 2, 3, 4)), route=route)
    clock.now += 3600
    MemoryOutgoing.sent = []

    async def slowly(batch: Sequence[Outbound]) -> list[Result]:
        await asyncio.sleep(0.02 if batch[0].value["version"] == 2 else 0)
        return all_delivered(batch)

    MemoryOutgoing.answer = slowly
    balance = await scene.run(order(2, version=2), route=route)
    assert balance.lines() == ["1 fetched + 2 carried in = 2 delivered + 1 superseded"]
    came = [(outbound.key, outbound.value["version"]) for batch in MemoryOutgoing.sent for outbound in batch]
    assert sorted(came) == [("1", 1), ("2", 2)]


async def test_what_was_delivered_before_goes_again_where_a_server_error_may_have_left_another_state(
    scene: Scene, clock: Clock
) -> None:
    """A delivered, B answered by 500, A again: the target may have B, so A is not unchanged."""

    def fails_on_two(batch: Sequence[Outbound]) -> list[Result]:
        return [
            Result("failed", reason="oops", http_status=500, cause="server")
            if o.value["total"] == 2
            else Result("delivered")
            for o in batch
        ]

    MemoryOutgoing.answer = fails_on_two
    fates = []
    for total in (1, 2, 1):
        clock.now += 1
        fates.append((await scene.run(order("A", total=total))).lines()[0])
    assert fates == ["1 fetched = 1 delivered", "1 fetched = 1 retrying", "1 fetched = 1 delivered"]
