"""What waits in the inbox goes with a run: first, in its order, and each entity of it has a fate in the books."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.segment_lines import read_problems
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.inbox.unreadable_event import refusal
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]


def put(services: Services, *records: Any, wanted: bool = False) -> int:
    body = json.dumps(list(records)).encode()
    event = NewEvent(route="orders", event_id=uuid.uuid4().hex, body=body, source="webhook", wanted=wanted)
    return services.ledger.inbox.put([event], services.now())[0].number


async def whole(run: Run, services: Services, staging: Staging) -> Balance:
    await fetch(run, services, staging)
    await transform(run, services, staging)
    await push(run, services, staging)
    return await settle(run, services, staging)


def sent() -> list[Any]:
    return [json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch]


async def test_a_run_for_events_asks_no_source(make_run: MakeRun, services: Services, staging: Staging) -> None:
    MemoryIncoming.pages_to_give = [[{"number": 9}]]
    put(services, {"number": 1}, {"number": 2})
    balance = await whole(make_run(events=True), services, staging)
    assert MemoryIncoming.asked == []
    assert sent() == [{"number": 1}, {"number": 2}]
    assert balance.counts["delivered"] == balance.counts["fetched"] == 2
    assert balance.verdict is None
    assert services.ledger.inbox.waiting(services.now()) == []


async def test_a_run_that_fetches_takes_them_along(make_run: MakeRun, services: Services, staging: Staging) -> None:
    MemoryIncoming.pages_to_give = [[{"number": 8}], [{"number": 9}]]
    put(services, {"number": 1})
    balance = await whole(make_run(), services, staging)
    assert sorted(record["number"] for record in sent()) == [1, 8, 9]
    assert balance.counts["fetched"] == 3
    assert services.ledger.inbox.waiting(services.now()) == []


@pytest.mark.parametrize(
    "asked", [{"keys": frozenset({"1"})}, {"limit": 1}, {"dry_run": True}, {"explicit": True}, {"kind": "backfill"}]
)
async def test_runs_of_something_else_leave_them(
    make_run: MakeRun, services: Services, staging: Staging, asked: dict[str, Any]
) -> None:
    MemoryIncoming.pages_to_give = [[{"number": 8}]]
    put(services, {"number": 1})
    await fetch(make_run(**asked), services, staging)
    assert [waiting.events for waiting in services.ledger.inbox.waiting(services.now())] == [1]


async def test_an_older_event_does_not_overwrite_what_was_fetched_later(
    make_run: MakeRun, services: Services, staging: Staging, clock: Clock
) -> None:
    """The version of an event's entity is when it was received, not when a run came to it."""
    put(services, {"number": 1, "state": "old"})
    clock.now += 10
    MemoryIncoming.pages_to_give = [[{"number": 1, "state": "new"}]]
    await whole(make_run(explicit=True), services, staging)  # leaves the inbox alone
    clock.now += 10
    balance = await whole(make_run(events=True, run_id="run-2"), services, Staging(staging.base, "orders", "run-2"))
    assert balance.counts["superseded"] == 1
    assert sent() == [{"number": 1, "state": "new"}]


async def test_a_record_without_a_key_is_rejected_and_the_others_go(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    put(services, {"number": 1}, {"no": 2}, "text", {"number": 3})
    balance = await whole(make_run(events=True), services, staging)
    assert (balance.counts["rejected"], balance.counts["delivered"]) == (2, 2)
    assert balance.balanced
    assert services.ledger.inbox.waiting(services.now()) == []


LATEST = {"trigger": {"latest": True}}


async def test_latest_keeps_only_the_newest_state_of_an_entity(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    put(services, {"number": 1, "at": 1}, {"number": 2, "at": 1})
    put(services, {"number": 1, "at": 2}, {"number": 1, "at": 3}, {"bad": 0})
    balance = await whole(make_run(events=True, route=LATEST), services, staging)
    assert sorted(sent(), key=lambda record: record["number"]) == [{"number": 1, "at": 3}, {"number": 2, "at": 1}]
    assert {name: count for name, count in balance.counts.items() if count} == {
        "fetched": 5,
        "superseded": 2,
        "rejected": 1,
        "delivered": 2,
    }


async def test_latest_goes_by_the_version(make_run: MakeRun, services: Services, staging: Staging) -> None:
    """Found by the simulator, seed 58 of its first day: the event of revision 3 overtook that of revision 1 on its way,
    the older state was delivered, and the newer one was superseded."""
    entity = {"name": "order", "key": "order.number", "version": "order.revision"}
    put(services, {"number": "K2", "value": 2, "revision": 3})
    put(services, {"number": "K2", "value": 1, "revision": 1})
    balance = await whole(make_run(events=True, route={**LATEST, "entity": entity}), services, staging)
    assert sent() == [{"number": "K2", "value": 2, "revision": 3}]
    assert (balance.counts["superseded"], balance.counts["delivered"]) == (1, 1)


async def test_every_state_goes_out_in_order_without_latest(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    for at in range(5):
        put(services, {"number": 1, "at": at})
    await whole(make_run(events=True), services, staging)
    assert [record["at"] for record in sent()] == [0, 1, 2, 3, 4]


async def test_max_batch_leaves_the_rest_to_the_next_run(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    for number in range(5):
        put(services, {"number": number})
    route = {"trigger": {"max_batch": 2}}
    for run, left in (("a", 3), ("b", 1), ("c", 0)):
        await whole(make_run(events=True, run_id=run, route=route), services, Staging(staging.base, "orders", run))
        assert sum(waiting.events for waiting in services.ledger.inbox.waiting(services.now())) == left
    assert [record["number"] for record in sent()] == [0, 1, 2, 3, 4]


async def test_a_fetch_that_starts_over_has_its_events_again(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    put(services, {"number": 1})
    MemoryIncoming.pages_to_give = [[{"number": 8}]]

    def away(number: int) -> None:
        raise OutageError("the source is away")

    MemoryIncoming.before = away
    with pytest.raises(OutageError):
        await fetch(make_run(), services, staging)
    put(services, {"number": 2})
    MemoryIncoming.before = lambda number: None
    balance = await whole(make_run(), services, staging)
    assert sorted(record["number"] for record in sent()) == [1, 2, 8]
    assert balance.balanced


async def test_events_of_a_run_whose_fetch_failed_for_good_wait_again(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    put(services, {"number": 1})
    MemoryIncoming.pages_to_give = [[{"number": 8}]]

    def away(number: int) -> None:
        raise OutageError("the source is away")

    MemoryIncoming.before = away
    with pytest.raises(OutageError):
        await fetch(make_run(), services, staging)
    balance = await settle(make_run(), services, staging)
    assert balance.unfinished == "fetch"
    assert [waiting.events for waiting in services.ledger.inbox.waiting(services.now())] == [1]


async def test_an_outage_of_the_target_leaves_entities_not_events(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    put(services, {"number": 1})

    def away(batch: Any) -> Any:
        raise OutageError("the target is away")

    MemoryOutgoing.answer = away
    run = make_run(events=True)
    await fetch(run, services, staging)
    await transform(run, services, staging)
    await push(run, services, staging, final=True)
    balance = await settle(run, services, staging)
    assert balance.counts["retrying"] == 1
    assert services.ledger.inbox.waiting(services.now() + 10**6) == []


async def test_whoever_waits_learns_the_keys(make_run: MakeRun, services: Services, staging: Staging) -> None:
    from sqlalchemy import select

    from airflow_integrations.ledger.storage.tables import event

    wanted = put(services, {"number": 1}, {"number": 2}, wanted=True)
    put(services, {"number": 3})
    await fetch(make_run(events=True), services, staging)
    with services.ledger.read() as connection:
        noted = {row[0]: row[1] for row in connection.execute(select(event.c.id, event.c["keys"]))}
    assert noted[wanted] == '["1","2"]'
    assert list(noted.values()).count(None) == 1


async def test_an_event_that_nobody_could_read_is_rejected_with_its_reason(
    make_run: MakeRun, services: Services, staging: Staging
) -> None:
    body = refusal("the content is not JSON", {"id": "7", "body": "no json"})
    event = NewEvent(route="orders", event_id="unusable/7", body=body, source="rabbitmq")
    services.ledger.inbox.put([event], services.now())
    put(services, {"number": 1})
    balance = await whole(make_run(events=True), services, staging)
    assert sent() == [{"number": 1}]
    assert (balance.counts["fetched"], balance.counts["rejected"], balance.counts["delivered"]) == (2, 1, 1)
    assert balance.verdict is not None
    manifest = staging.manifest("fetch")
    assert manifest is not None
    (problem,) = read_problems(staging.blocks(manifest.problems))
    assert (problem.reason, problem.value) == ("the content is not JSON", {"id": "7", "body": "no json"})
    assert services.ledger.inbox.waiting(services.now()) == []
