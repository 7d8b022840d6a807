"""What the four stages promise, with a source and a target that do exactly what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import AnswerError, OutageError, RunError, SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]


def orders(*numbers: Any) -> list[dict[str, Any]]:
    return [{"number": number, "total": number} for number in numbers]


def sent_keys() -> list[str]:
    return [outbound.key for batch in MemoryOutgoing.sent for outbound in batch]


async def whole(run: Run, services: Services, staging: Staging) -> Any:
    await fetch(run, services, staging)
    await transform(run, services, staging)
    await push(run, services, staging)
    return await settle(run, services, staging)


async def test_everything_fetched_is_delivered_and_the_books_balance(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(1, 2), orders(3)]
    balance = await whole(make_run(), services, staging)
    assert sent_keys() == ["1", "2", "3"]
    assert balance.counts["fetched"] == balance.counts["delivered"] == 3
    assert balance.verdict is None
    assert balance.lines() == ["3 fetched = 3 delivered"]


async def test_fetch_goes_on_behind_the_last_committed_page(
    make_run: MakeRun, services: Services, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.staging.segment_writer.SEGMENT_ENTITIES", 2)
    MemoryIncoming.pages_to_give = [orders(1, 2), orders(3, 4), orders(5), orders(6)]
    run = make_run()

    def outage(number: int) -> None:
        if number == 3:
            raise OutageError("the shop is away")

    MemoryIncoming.before = outage
    with pytest.raises(OutageError):
        await fetch(run, services, staging)
    assert (await settle(run, services, staging)).unfinished == "fetch"
    MemoryIncoming.before, MemoryIncoming.asked = lambda number: None, []
    manifest = await fetch(run, services, staging)
    assert MemoryIncoming.asked == [3], "the three pages before the outage are staged"
    assert manifest.counts["fetched"] == 6
    await transform(run, services, staging)
    await push(run, services, staging)
    assert sent_keys() == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("error", [OutageError("the shop is away"), AnswerError("no JSON"), ZeroDivisionError()])
async def test_the_books_of_a_fetch_that_broke_off_show_what_is_staged(
    error: Exception, make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(1, 2), [*orders(3), {"total": 4}], orders(5)]
    run = make_run()

    def breaks_off(number: int) -> None:
        if number == 2:
            raise error

    MemoryIncoming.before = breaks_off
    with pytest.raises(type(error)):
        await fetch(run, services, staging)
    balance = await settle(run, services, staging)
    assert balance.unfinished == "fetch"
    assert balance.lines()[0] == "4 fetched = 1 rejected + 3 pending"
    MemoryIncoming.before, MemoryIncoming.asked = lambda number: None, []
    balance = await whole(run, services, staging)
    assert MemoryIncoming.asked == [2]
    assert sent_keys() == ["1", "2", "3", "5"]
    assert balance.lines()[0] == "5 fetched = 4 delivered + 1 rejected"


async def test_an_error_before_the_first_page_leaves_nothing_in_the_books(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    def away(number: int) -> None:
        raise OutageError("the shop is away")

    MemoryIncoming.pages_to_give, MemoryIncoming.before = [orders(1)], away
    with pytest.raises(OutageError):
        await fetch(make_run(), services, staging)
    assert (await settle(make_run(), services, staging)).lines()[0] == "0 fetched = 0"


@pytest.mark.parametrize("change", ["age", "window", "definition", "refused"])
async def test_fetch_starts_over_where_the_saved_place_cannot_be_trusted(
    change: str, make_run: MakeRun, services: Services, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.staging.segment_writer.SEGMENT_ENTITIES", 1)
    MemoryIncoming.pages_to_give = [orders(1), orders(2), orders(3)]
    run = make_run()

    def outage(number: int) -> None:
        if number == 2:
            raise OutageError("the shop is away")

    MemoryIncoming.before = outage
    with pytest.raises(OutageError):
        await fetch(run, services, staging)
    MemoryIncoming.asked, MemoryIncoming.before = [], lambda number: None
    if change == "age":
        later = services.now() + 7200
        services.now = lambda: later
    elif change == "window":
        run = make_run(window=type(run.window)(run.window.start, run.window.start))
    elif change == "definition":
        run = make_run(route={"transform": [{"filter": "order.total > 0"}]})
    else:

        def refused(number: int) -> None:
            if number == 2 and not MemoryIncoming.asked:
                raise AnswerError("400: this cursor has expired")

        MemoryIncoming.before = refused
    manifest = await fetch(run, services, staging)
    assert MemoryIncoming.asked == [0, 1, 2]
    assert manifest.counts["fetched"] == 3


async def test_entities_without_a_key_are_rejected_and_kept_and_the_others_go_on(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [
        [{"number": "A"}, {"nummer": "B"}, {"number": None}, {"number": {"x": 1}}, "text", {"number": "C"}]
    ]
    balance = await whole(make_run(), services, staging)
    assert sent_keys() == ["A", "C"]
    assert balance.counts["fetched"] == 6
    assert balance.counts["rejected"] == 4
    assert balance.verdict is not None
    assert "4 rejected" in balance.verdict
    assert [problem.value for problem in problems(staging)] == [
        {"nummer": "B"},
        {"number": None},
        {"number": {"x": 1}},
        "text",
    ]


async def test_keys_limit_and_given_entities(make_run: MakeRun, services: Services, staging: Staging) -> None:
    MemoryIncoming.pages_to_give = [orders(1, 2), orders(3, 4)]
    assert (await whole(make_run(keys=frozenset({"2", "4"})), services, staging)).counts["fetched"] == 2
    assert (await whole(make_run(limit=3), services, staging)).counts["fetched"] == 3
    assert (await whole(make_run(entities=tuple(orders(9))), services, staging)).counts["fetched"] == 1
    assert sent_keys() == ["2", "4", "1", "3", "9"], "2 was delivered before and is as it was"


async def test_the_last_progress_told_of_a_stage_is_what_came_of_it(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(1, 2), orders(3, 4)]
    told: dict[str, dict[str, int]] = {}
    services.progress = lambda stage, counts: told.update({stage: dict(counts)})
    await whole(make_run(limit=3, route={"transform": [{"filter": 'order.number == "0"'}]}), services, staging)
    assert told == {"fetch": {"fetched": 3}, "transform": {"transformed": 0, "filtered": 3, "rejected": 0}}


async def test_a_dry_run_sends_nothing(make_run: MakeRun, services: Services, staging: Staging) -> None:
    MemoryIncoming.pages_to_give = [orders(1, 2)]
    balance = await whole(make_run(dry_run=True), services, staging)
    assert MemoryOutgoing.sent == []
    assert balance.counts["skipped"] == 2
    assert balance.verdict is None


async def test_a_stage_of_another_definition_is_refused(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(1)]
    await fetch(make_run(), services, staging)
    changed = make_run(route={"transform": [{"filter": "order.total > 0"}]})
    with pytest.raises(RunError, match="clear the task fetch of this run"):
        await transform(changed, services, staging)


async def test_an_entity_that_alone_meets_an_outage_is_tried_again_by_itself(
    make_run: MakeRun, services: Services, staging: Staging, clock: Clock
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(20))]

    def away_for_five(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "5":
            raise OutageError("500", status=500)
        return all_delivered(batch)

    MemoryOutgoing.answer = away_for_five
    run = make_run()
    balance = await whole(run, services, staging)
    assert sorted(sent_keys(), key=int) == [str(n) for n in range(20) if n != 5]
    assert balance.lines() == ["20 fetched = 19 delivered + 1 retrying"]
    MemoryOutgoing.answer, MemoryOutgoing.sent = all_delivered, []
    await push(run, services, staging)
    assert sent_keys() == [], "it is not due yet"
    clock.now += 3600
    await push(run, services, staging)
    assert sent_keys() == ["5"]
    assert (await settle(run, services, staging)).lines() == ["20 fetched = 20 delivered"]


async def test_a_target_that_is_away_is_not_asked_for_every_entity(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(100))]
    asked = 0

    def away(batch: Sequence[Outbound]) -> list[Result]:
        nonlocal asked
        asked += 1
        raise OutageError("connection refused")

    MemoryOutgoing.answer = away
    run = make_run()
    await fetch(run, services, staging)
    await transform(run, services, staging)
    with pytest.raises(OutageError):
        await push(run, services, staging)
    assert asked < 12
    balance = await settle(run, services, staging)
    assert (balance.counts["retrying"], balance.counts["pending"], balance.unfinished) == (100, 0, "push")
    assert "tried again by a later run" in (balance.verdict or "")


@pytest.mark.parametrize("repeatable", [True, False])
async def test_what_was_under_way_when_a_push_was_killed(
    repeatable: bool, make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(4))]
    run = make_run(route={"outgoing": {"memory": {"repeatable": repeatable}}, "delivery": {"concurrency": 1}})
    await fetch(run, services, staging)
    await transform(run, services, staging)
    reached = asyncio.Event()

    async def hangs_at_two(batch: Sequence[Outbound]) -> list[Result]:
        if batch[0].key == "2":
            reached.set()
            await asyncio.Event().wait()
        return all_delivered(batch)

    MemoryOutgoing.answer = hangs_at_two
    killed = asyncio.ensure_future(push(run, services, staging))
    await reached.wait()
    journal = (staging.folder / "push.journal").read_bytes()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    (staging.folder / "push.journal").write_bytes(journal)  # exactly what SIGKILL leaves at this point
    MemoryOutgoing.answer, MemoryOutgoing.sent = all_delivered, []
    await push(run, services, staging)
    counts = (await settle(run, services, staging)).counts
    if repeatable:
        assert sent_keys() == ["2", "3"]
        assert counts["delivered"] == 4
    else:
        assert sent_keys() == ["3"]
        assert (counts["delivered"], counts["in_doubt"]) == (3, 1)
        assert "the target may have it" in next(iter(problems(staging))).reason


async def test_refused_credentials_stop_everything_and_lose_nothing(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(50))]

    def refused(batch: Sequence[Outbound]) -> list[Result]:
        raise SetupError("401: the credentials of connection erp were refused")

    MemoryOutgoing.answer = refused
    run = make_run()
    await fetch(run, services, staging)
    await transform(run, services, staging)
    with pytest.raises(SetupError):
        await push(run, services, staging)
    balance = await settle(run, services, staging)
    assert (balance.counts["retrying"], balance.counts["pending"], balance.unfinished) == (50, 0, "push")


async def test_a_kind_that_crashes_is_reported_and_loses_nothing(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(10))]

    def crash(batch: Sequence[Outbound]) -> list[Result]:
        raise ZeroDivisionError("a bug of a third-party kind")

    MemoryOutgoing.answer = crash
    run = make_run()
    await fetch(run, services, staging)
    await transform(run, services, staging)
    with pytest.raises(ZeroDivisionError):
        await push(run, services, staging)
    counts = (await settle(run, services, staging)).counts
    assert counts["delivered"] == 0
    assert counts["retrying"] + counts["in_doubt"] == 10


async def test_a_batch_that_is_partly_pending_is_finished_later(
    make_run: MakeRun, services: Services, staging: Staging, clock: Clock
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(6))]

    def half(batch: Sequence[Outbound]) -> list[Result]:
        return [
            Result("delivered") if int(o.key) % 3 == 0 else Result("pending", reason="the erp went away") for o in batch
        ]

    MemoryOutgoing.answer = half
    run = make_run(route={"delivery": {"batch": 6}})
    await fetch(run, services, staging)
    await transform(run, services, staging)
    await push(run, services, staging)
    MemoryOutgoing.answer, MemoryOutgoing.sent = all_delivered, []
    clock.now += 3600
    await push(run, services, staging)
    assert sent_keys() == ["1", "2", "4", "5"]
    assert (await settle(run, services, staging)).counts["delivered"] == 6


async def test_stop_finishes_what_is_under_way_and_begins_nothing_new(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(*range(30))]
    stop = asyncio.Event()

    async def slow(batch: Sequence[Outbound]) -> list[Result]:
        stop.set()
        await asyncio.sleep(0.01)
        return all_delivered(batch)

    MemoryOutgoing.answer = slow
    run = make_run()
    await fetch(run, services, staging)
    await transform(run, services, staging)
    with pytest.raises(OutageError, match="asked to stop"):
        await push(run, services, staging, stop)
    counts = (await settle(run, services, staging)).counts
    assert 1 <= counts["delivered"] <= 4
    assert counts["in_doubt"] == 0
    assert counts["retrying"] == 30 - counts["delivered"]


def spoil(order: dict[str, Any]) -> dict[str, Any]:
    """A transformer function whose results JSON does not know."""
    return {**order, "total": {1: "\ud800", 2: object(), 3: 3}[order["number"]]}


async def test_a_value_that_is_no_json_rejects_its_entity_alone(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    MemoryIncoming.pages_to_give = [orders(1, 2, 3)]
    run = make_run(route={"transform": [{"python": f"{__name__}:spoil"}]})
    balance = await whole(run, services, staging)
    assert sent_keys() == ["3"]
    assert balance.counts["rejected"] == 2
    assert balance.balanced
    assert [problem.key for problem in problems(staging)] == ["1", "2"]


async def test_a_record_whose_json_is_broken_where_nobody_looked_is_rejected_alone(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    raw = [b'{"number": 1, "total": 1}', b'{"number": 2, "total": 1e99999999}', b'{"total": 3,\n "number": 3}']
    MemoryIncoming.pages_to_give = [[msgspec.Raw(record) for record in raw]]
    balance = await whole(make_run(), services, staging)
    assert [(o.key, o.value) for batch in MemoryOutgoing.sent for o in batch] == [
        ("1", {"number": 1, "total": 1}),
        ("3", {"number": 3, "total": 3}),
    ]
    assert (balance.counts["delivered"], balance.counts["rejected"]) == (2, 1)
    assert "1e±9999" in next(iter(problems(staging))).reason
