"""Events that hold only an id: the source is asked once for each, what it no longer has is deleted, and nothing that
it would not give is lost or holds up the others."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryOutgoing
from thin_scene import Live, Shop, Whole, counts, deleted, sent

from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.errors import IntegrationError, OutageError, SetupError
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.storage import tables


async def test_what_an_event_names_is_asked_for_and_delivered(route: Any, shop: Shop) -> None:
    shop.orders = {"1": {"total": "1.10"}, "2": {"total": "2"}}
    whole = route()
    whole.put({"number": 1}, {"number": 2})
    assert counts(await whole.work()) == {"fetched": 2, "delivered": 2}
    assert sorted(sent(), key=lambda order: order["number"]) == [
        {"number": 1, "total": "1.10"},
        {"number": 2, "total": "2"},
    ]
    assert whole.waiting == 0


async def test_a_burst_for_one_key_asks_once_after_the_last_one(route: Any, shop: Shop) -> None:
    shop.orders = {"1": {"state": "paid"}, "2": {}}
    whole = route()
    for state in ("new", "open", "paid"):
        whole.put({"number": 1, "hint": state}, {"number": 1, "hint": state})
    whole.put({"number": 2})
    assert counts(await whole.work()) == {"fetched": 7, "superseded": 5, "delivered": 2}
    assert shop.asked == {"1": 1, "2": 1}
    whole.put({"number": 1})
    shop.orders["1"]["state"] = "shipped"
    assert counts(await whole.work()) == {"fetched": 1, "delivered": 1}
    assert [order["state"] for order in sent() if order["number"] == 1] == ["paid", "shipped"]


async def test_a_consumer_asks_when_a_burst_is_over(shop: Shop, ledger_url: str, tmp_path: Path) -> None:
    shop.orders = {"1": {"state": "old"}}
    live = Live(shop, ledger_url, tmp_path, trigger={"debounce": "10s"})
    async with live.services() as services:
        consumer = Consumer(live.route, services, live.base, "c")
        await consumer._hold()
        for _ in range(5):
            live.put({"number": 1})
            live.clock.now += 5
            assert not await consumer._work_to_do(live.clock())
        assert not shop.asked
        assert live.clock() < consumer._burst_ends <= live.clock() + 10
        shop.orders["1"]["state"] = "last"
        live.clock.now += 10
        assert await consumer._work_to_do(live.clock())
        assert shop.asked == {"1": 1}
        live.put({"number": 1})  # the run is still open: a new burst waits as well
        await consumer._work_to_do(live.clock())
        assert shop.asked == {"1": 1}
        live.clock.now += 60
        while await consumer._work_to_do(live.clock()):
            pass
        await consumer._close()
    assert shop.asked == {"1": 2}
    assert sent() == [{"number": 1, "state": "last"}]
    live.close()


async def test_404_is_a_deletion_of_what_the_target_has_and_of_nothing_else(route: Any, shop: Shop) -> None:
    shop.orders = {"1": {}}
    whole = route()
    whole.put({"number": 1})
    await whole.work()
    del shop.orders["1"]
    whole.put({"number": 1}, {"number": 9})
    assert counts(await whole.work()) == {"deletes_emitted": 1, "delivered": 1}
    assert [(outbound.key, json.loads(outbound.encoded)["target_id"]) for outbound in deleted()] == [("1", "T-1")]
    assert whole.status("9") is None
    whole.put({"number": 1})
    assert counts(await whole.work()) == {}, "it is not deleted twice"
    shop.orders["1"] = {"again": True}
    whole.put({"number": 1})
    assert counts(await whole.work()) == {"fetched": 1, "delivered": 1}


@pytest.mark.parametrize(("missing", "expected"), [("skip", {}), ("keep", {"fetched": 1, "delivered": 1})])
async def test_404_that_is_no_deletion(route: Any, shop: Shop, missing: str, expected: dict[str, int]) -> None:
    shop.orders = {"1": {}}
    whole = route(missing=missing)
    whole.put({"number": 1})
    await whole.work()
    shop.orders.clear()
    whole.put({"number": 1, "thin": True})
    assert counts(await whole.work()) == expected
    assert deleted() == []


async def test_one_that_cannot_be_asked_for_is_rejected_and_asked_again_when_it_is_retried(
    route: Any, shop: Shop
) -> None:
    shop.orders = {"1": {}, "2": {"full": True}}
    shop.statuses = {"2": 422}
    whole = route(missing="fail")
    whole.put({"number": 1}, {"number": 2}, {"number": 3}, {"nothing": 1}, "text")
    assert counts(await whole.work()) == {"fetched": 5, "delivered": 1, "rejected": 4}
    assert sent() == [{"number": 1}]
    assert whole.status("2") == whole.status("3") == "rejected"
    assert "422" in whole.message("2")
    shop.statuses = {}
    shop.asked.clear()
    again = Whole.work(whole, events=False, kind="manual", retry=RetryWanted(keys=frozenset({"2", "3"})))
    assert counts(await again) == {"carried_in": 2, "delivered": 1, "rejected": 1}
    assert shop.asked == {"2": 1, "3": 1}
    assert sent() == [{"number": 1}, {"number": 2, "full": True}], "what is thin never goes out as the whole"


async def test_one_whose_answer_fails_waits_and_holds_up_nobody(route: Any, shop: Shop) -> None:
    shop.orders = {"1": {}, "2": {"full": True}}
    shop.statuses = {"2": 500}
    whole = route()
    whole.put({"number": 1}, {"number": 2})
    assert counts(await whole.work()) == {"fetched": 2, "delivered": 1, "retrying": 1}
    assert whole.waiting == 0
    assert whole.status("2") == "retrying"
    whole.clock.now += 3600
    shop.statuses = {}
    assert counts(await whole.work()) == {"carried_in": 1, "delivered": 1}
    assert sent() == [{"number": 1}, {"number": 2, "full": True}]


async def test_several_in_a_row_whose_answers_fail_hold_up_nobody_either(route: Any, shop: Shop) -> None:
    shop.orders = {str(number): {} for number in range(1, 7)}
    shop.statuses = {str(number): 500 for number in range(1, 6)}
    whole = route()
    whole.put(*({"number": number} for number in range(1, 7)))
    assert counts(await whole.work()) == {"fetched": 6, "delivered": 1, "retrying": 5}
    assert whole.waiting == 0
    assert shop.asked["6"] == 2, "it shows that the shop is there"


async def test_one_whose_answer_fails_for_good_is_rejected_in_the_end(route: Any, shop: Shop) -> None:
    shop.orders = {"1": {}, "2": {}}
    shop.statuses = {"2": 500}
    whole = route()
    whole.put({"number": 1}, {"number": 2})
    await whole.work()
    for _ in range(6):
        whole.clock.now += 3600
        shop.orders["1"] = {"at": whole.clock.now}
        whole.put({"number": 1}, {"number": 2})
        await whole.work()
        if whole.status("2") == "rejected":
            break
    assert "delivery.retry" in whole.message("2")
    shop.statuses, shop.orders["2"] = {}, {"full": True}
    whole.put({"number": 2})
    await whole.work()
    assert whole.status("2") == "delivered"


async def test_while_the_source_is_away_events_wait(route: Any, shop: Shop) -> None:
    shop.orders = {str(number): {} for number in range(1, 9)}
    shop.statuses = {"*": 503}
    whole = route()
    for number in range(1, 9):
        whole.put({"number": number})
    with contextlib.nullcontext() if whole.low else pytest.raises(OutageError, match="503"):
        await whole.work()  # a consumer waits for the route's circuit
    assert sum(shop.asked.values()) <= 8, "it is not asked for each of thousands"
    assert sent() == []
    assert whole.waiting == 8
    shop.statuses = {}
    whole.clock.now += 3600
    assert counts(await whole.work())["delivered"] == 8
    assert whole.waiting == 0


async def test_a_run_that_is_killed_between_two_questions_loses_no_event(
    shop: Shop, ledger_url: str, tmp_path: Path
) -> None:
    shop.orders = {str(number): {} for number in range(1, 5)}
    del shop.orders["3"]
    for killed_at in range(1, 5):
        MemoryOutgoing.sent = []
        whole = Whole(shop, ledger_url, tmp_path / str(killed_at))
        whole.number = 10 * killed_at
        for number in range(1, 5):
            whole.put({"number": number, "at": killed_at})
        shop.asked.clear()
        running = asyncio.create_task(whole.work())

        def kill(at: int = killed_at, task: asyncio.Task[Any] = running) -> None:
            if sum(shop.asked.values()) == at:
                task.cancel()

        shop.when_asked = kill
        with contextlib.suppress(asyncio.CancelledError):
            await running
        shop.when_asked = lambda: None
        whole.clock.now += 7200
        for name in shop.orders:
            shop.orders[name] = {"at": killed_at}
        await whole.work()
        assert {(order["number"], order["at"]) for order in sent() if "at" in order} == {
            (number, killed_at) for number in (1, 2, 4)
        }
        assert whole.waiting == 0
        whole.close()


async def test_credentials_that_are_refused_lose_no_event(route: Any, shop: Shop) -> None:
    shop.statuses = {"*": 401}
    whole = route()
    whole.put({"number": 1})
    with pytest.raises((SetupError, IntegrationError)):
        await whole.work()
    shop.statuses, shop.orders = {}, {"1": {}}
    whole.clock.now += 3600
    await whole.work()
    assert sent() == [{"number": 1}]


async def test_403_is_one_orders_matter_where_others_are_given(route: Any, shop: Shop) -> None:
    shop.orders, shop.statuses = {"1": {}}, {"2": 403}
    whole = route()
    whole.put({"number": 1}, {"number": 2})
    assert counts(await whole.work()) == {"fetched": 2, "delivered": 1, "rejected": 1}


async def test_an_event_that_came_before_a_fetch_brings_what_is_newer(route: Any, shop: Shop) -> None:
    """The version is when the source was asked: what another run fetched in between is older than the answer."""
    shop.orders = {"1": {"state": "first"}}
    whole = route()
    whole.put({"number": 1})
    whole.clock.now += 10
    await Whole.work(whole, events=False, kind="manual", entities=({"number": 1, "state": "fetched"},), explicit=True)
    shop.orders["1"]["state"] = "newer"
    assert counts(await whole.work())["delivered"] == 1
    assert [order["state"] for order in sent()] == ["fetched", "newer"]


async def test_senders_who_wait_get_the_keys_of_what_was_asked_for(route: Any, shop: Shop) -> None:
    shop.orders = {"1": {}, "2": {}}
    whole = route()
    names = [whole.put({"number": 1}, {"number": 2}, wanted=True), whole.put({"number": 1}, wanted=True)]
    await whole.work()
    with whole.ledger.read() as connection:
        rows = connection.execute(tables.event.select()).mappings().all()
    keys = {row["event_id"]: json.loads(row["keys"]) for row in rows}
    assert [sorted(keys[name]) for name in names] == [["1", "2"], ["1"]]
