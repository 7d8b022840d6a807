"""``missing: retry``: what a lookup does not find yet is on its way, and comes again until it is there, or in vain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryIncoming
from lookup_world import ORDER, World, sent, split, went

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.actions.entity_actions import skip
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.staging.segment_writer import SegmentWriter


@pytest.fixture
def world(ledger_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(ledger_url, tmp_path)
    yield made
    made.ledger.close()


async def test_it_waits_until_it_is_found_and_the_others_go(world: World) -> None:
    world.customers({"a": "C-1"})
    balance = await world.run({"number": 1, "customer": "a"}, {"number": 2, "customer": "b"}, kind="scheduled")
    assert went(balance) == {"fetched": 2, "delivered": 1, "retrying": 1}
    assert balance.verdict is None  # nobody has to do anything
    assert "no customer found for id = b" in world.troubles.lines[0]
    assert world.troubles.refused == ()
    assert route_state(world.ledger, "orders").mark is not None  # the ledger keeps it: its window is done
    waiting = world.entity("2")
    assert (waiting.status, waiting.attempts) == ("retrying", 1)
    assert 300 <= waiting.next_attempt - world.clock() <= 600
    assert went(await world.run()) == {}  # not due yet
    world.clock.now += 601
    world.customers({"a": "C-1", "b": "C-2"})
    assert went(await world.run()) == {"carried_in": 1, "delivered": 1}
    assert sent() == [{"number": 1, "erp": "C-1"}, {"number": 2, "erp": "C-2"}]
    assert world.entity("2").status == "delivered"


async def test_what_is_lost_meanwhile_is_in_the_books_with_the_remedy(world: World) -> None:
    """The mark has passed it: only a fetch that names it brings it again, and people are told so."""
    await world.run({"number": 2, "customer": "b"}, kind="scheduled")
    mark = route_state(world.ledger, "orders").mark
    assert mark is not None
    world.staging.clean()
    world.clock.now += 601
    world.customers({"b": "C-2"})
    balance = await world.run(kind="scheduled")
    assert went(balance) == {"carried_in": 1, "failed": 1}
    assert balance.verdict is not None
    assert world.troubles.refused == ("2",)
    assert "its payload is no longer staged: fetch the entity again, with a run whose keys name it" in (
        world.entity("2").message
    )
    again = await world.run({"number": 1, "customer": "b"}, {"number": 2, "customer": "b"}, keys=frozenset("2"))
    assert went(again) == {"fetched": 1, "delivered": 1}
    assert (sent(), world.entity("2").status) == ([{"number": 2, "erp": "C-2"}], "delivered")


async def test_a_run_that_dies_before_its_books_are_closed_moves_no_mark(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> Balance:
        raise KeyboardInterrupt

    records = {"number": 1, "customer": "a"}, {"number": 2, "customer": "b"}
    world.customers({"a": "C-1"})
    with monkeypatch.context() as killed:
        killed.setattr("lookup_world.settle", dies)
        with pytest.raises(KeyboardInterrupt):
            await world.run(*records, kind="scheduled")
    assert route_state(world.ledger, "orders").mark is None
    world.clock.now += 601
    world.customers({"a": "C-1", "b": "C-2"})
    balance = await world.run(*records, kind="scheduled")
    assert (balance.balanced, balance.verdict) == (True, None)
    assert route_state(world.ledger, "orders").mark is not None
    assert sent() == [{"number": 1, "erp": "C-1"}, {"number": 2, "erp": "C-2"}]
    assert [world.entity(key).status for key in "12"] == ["unchanged", "unchanged"]


async def test_after_the_last_attempt_it_is_rejected_with_the_reason(world: World) -> None:
    """So two routes that wait for each other end, too."""
    assert went(await world.run({"number": 2, "customer": "b"})) == {"fetched": 1, "retrying": 1}
    world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "retrying": 1}
    assert world.entity("2").attempts == 2
    world.clock.now += 601
    balance = await world.run()
    assert went(balance) == {"carried_in": 1, "rejected": 1}
    assert balance.verdict is not None
    found = world.entity("2")
    assert found.status == "rejected"
    assert "no customer found for id = b; looked 3 times since" in found.message
    world.clock.now += 100_000
    assert went(await world.run()) == {}
    assert sent() == []


async def test_a_run_whose_transform_starts_over_counts_one_attempt(world: World) -> None:
    """It was killed behind its work, or a person cleared it."""
    for attempts in (1, 2):
        await world.run(*([{"number": 2, "customer": "b"}] if attempts == 1 else []))
        assert world.entity("2").attempts == attempts
        for _ in range(3):
            world.clock.now += 60
            assert went(await world.again()) == {"fetched" if attempts == 1 else "carried_in": 1, "retrying": 1}
            assert world.entity("2").attempts == attempts
        world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "rejected": 1}
    assert "looked 3 times since" in world.entity("2").message


async def test_a_new_state_begins_to_count_anew(world: World) -> None:
    await world.run({"number": 2, "customer": "b"})
    world.clock.now += 60
    await world.run({"number": 2, "customer": "c"})
    assert world.entity("2").attempts == 1
    world.customers({"b": "C-2", "c": "C-3"})
    world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "delivered": 1}
    assert sent() == [{"number": 2, "erp": "C-3"}]


async def test_nothing_to_look_up_with_is_rejected_at_once(world: World) -> None:
    assert went(await world.run({"number": 2, "customer": None})) == {"fetched": 1, "rejected": 1}


async def test_a_dry_run_leaves_no_trace(world: World) -> None:
    assert went(await world.run({"number": 2, "customer": "b"}, dry_run=True)) == {"fetched": 1, "retrying": 1}
    assert world.entity("2") is None


async def test_events_of_a_resident_consumer_wait_as_well(world: World) -> None:
    async with world.services() as services:
        consumer = Consumer(world.route, services, str(world.folder / "live"), "c1")

        async def pass_(seconds: int) -> None:
            for _ in range(seconds // 10):
                while await consumer._work_to_do(world.clock()):
                    pass
                world.clock.now += 10

        body = json.dumps([{"number": 1, "customer": "a"}]).encode()
        world.ledger.inbox.put([NewEvent(route="orders", event_id="e-1", body=body, source="webhook")], world.clock())
        await pass_(120)
        assert (world.entity("1").status, world.entity("1").attempts) == ("retrying", 1)
        assert world.ledger.inbox.waiting(world.clock() + 10**6) == []  # the ledger keeps it now
        await pass_(700)
        assert (world.entity("1").status, world.entity("1").attempts) == ("retrying", 2)
        world.customers({"a": "C-1"})
        await pass_(700)
        assert sent() == [{"number": 1, "erp": "C-1"}]
    for books in runs(world.ledger, "orders", limit=100).runs:
        assert "do not balance" not in (books.verdict or "")


async def test_parts_of_an_order_use_up_their_attempts(world: World) -> None:
    """They are taken over as the order that they were split from, which was no attempt of theirs."""
    split(world)
    assert went(await world.run(ORDER)) == {"fetched": 1, "split_added": 1, "retrying": 2}
    world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "split_added": 1, "retrying": 2}
    assert [world.entity(key).attempts for key in ("2|1", "2|2")] == [2, 2]
    world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "split_added": 1, "rejected": 2}
    assert "looked 3 times since" in world.entity("2|1").message
    world.clock.now += 100_000
    assert went(await world.run()) == {}


async def test_parts_of_a_run_that_breaks_off_behind_its_fetch_are_not_lost(world: World) -> None:
    """Nobody fetches them again: the run that had them was done with their window."""
    split(world)
    await world.run(ORDER, kind="scheduled")
    world.clock.now += 601
    world.customers({"b": "C-2"})
    MemoryIncoming.pages_to_give = [[]]
    late = Run(world.route, "late", world.asked.window)
    staging = Staging(world.folder / "staging", "orders", "late")
    async with world.services() as services:
        await fetch(late, services, staging)
        books = await settle(late, services, staging)  # transform failed in all of its tries
    assert books.unfinished == "transform"
    assert went(await world.run()) == {"carried_in": 1, "split_added": 1, "delivered": 2}
    assert [one["line"] for one in sent()] == [1, 2]


async def test_what_is_no_part_any_more_and_what_was_split_ends(world: World) -> None:
    split(world, {"validate": {"schema": {"properties": {"customer": {"const": "b"}}}}})
    wrong = {**ORDER, "number": 3, "customer": "c"}
    assert went(await world.run(ORDER, wrong)) == {"fetched": 2, "split_added": 1, "rejected": 1, "retrying": 2}
    world.customers({"b": "C-2", "c": "C-3"})
    split(world, {"set": {"lines": "[line for line in order.lines if line.line == 1]"}})
    world.clock.now += 601
    wanted = RetryWanted(statuses=frozenset({"retrying", "rejected"}))
    assert went(await world.run(retry=wanted)) == {"carried_in": 2, "delivered": 2}
    assert {key: world.entity(key).status for key in ("2|1", "2|2", "3", "3|1")} == {
        "2|1": "delivered",
        "2|2": "merged",
        "3": "merged",
        "3|1": "delivered",
    }
    world.clock.now += 100_000
    assert went(await world.run()) == {}


async def test_payloads_stay_where_a_transform_that_is_done_again_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator, seed 201750112746: the first attempt died when it had told the ledger where what it
    rejected lies; the next one removed that, and the disk was full."""
    wrong = {"number": 3, "customer": {"not": "a text"}}
    assert went(await world.run(ORDER, wrong)) == {"fetched": 2, "rejected": 1, "retrying": 1}

    close = SegmentWriter.close_segment

    def full(self: SegmentWriter) -> bytes:
        if self._prefix.startswith("held"):  # that much fits
            return close(self)
        raise OSError(28, "no space left on device")

    async with world.services() as services:
        with monkeypatch.context() as patch:
            patch.setattr(SegmentWriter, "close_segment", full)
            with pytest.raises(OSError, match="no space"):
                await transform(world.asked, services, world.staging)
        await settle(world.asked, services, world.staging)
    for key, record in (("2", ORDER), ("3", wrong)):
        place = places(world.ledger, "orders", [key])[key]
        assert place.ref is not None
        assert json.loads(payload_of(world.staging, key, place.ref) or b"null") == record


async def test_what_a_fetch_took_over_before_it_died_is_no_part_that_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator, seed 550003431: a run had fetched nothing, and began anew when something had become due.
    It died before its manifest said so, and its books closed what it had taken over as *merged*: it was lost."""
    await world.run({**ORDER, "lines": []})
    assert went(await world.run()) == {}
    world.clock.now += 601

    def full(self: Staging, manifest: Manifest) -> None:
        raise OSError(28, "no space left on device")

    async with world.services() as services:
        with monkeypatch.context() as patch:
            patch.setattr(Staging, "save", full)
            with pytest.raises(OSError, match="no space"):
                await fetch(world.asked, services, world.staging)
        await settle(world.asked, services, world.staging)
    assert world.entity("2").status == "retrying"
    world.customers({"b": "C-2"})
    assert went(await world.run()) == {"carried_in": 1, "delivered": 1}


@pytest.mark.parametrize("before", [(), ({"merge": "last"},), ({"merge": "first"}, {"merge": "last"})], ids=str)
async def test_a_part_that_was_decided_does_not_begin_again_with_another_one(world: World, before: Any) -> None:
    """It comes forth from the same record, and would keep the other one waiting for ever, which then keeps it."""
    split(world, *before)
    await world.run(ORDER)
    skip(world.ledger, Selection("orders", keys=frozenset({"2|1"})), "not needed", "ann", world.clock())
    world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "split_added": 1, "merged": 1, "retrying": 1}
    world.customers({"b": "C-2"})
    world.clock.now += 601
    assert went(await world.run()) == {"carried_in": 1, "split_added": 1, "merged": 1, "delivered": 1}
    assert went(await world.again()) == {"carried_in": 1, "split_added": 1, "merged": 1, "unchanged": 1}
    assert (world.entity("2|1").status, world.entity("2|2").status) == ("skipped", "unchanged")
    assert [one["line"] for one in sent()] == [2]


async def test_a_part_that_was_decided_begins_again_where_the_source_gives_its_record_again(world: World) -> None:
    split(world, {"merge": "last"})
    await world.run(ORDER)
    skip(world.ledger, Selection("orders", keys=frozenset({"2|1"})), "not needed", "ann", world.clock())
    world.customers({"b": "C-2"})
    world.clock.now += 601
    books = went(await world.run(ORDER))
    assert books == {"fetched": 1, "carried_in": 1, "split_added": 1, "merged": 1, "delivered": 2}
    assert sorted(one["line"] for one in sent()) == [1, 2]


async def test_parts_that_wait_with_different_states_of_their_order_each_go_with_their_own(world: World) -> None:
    split(world)
    await world.run(ORDER)
    world.clock.now += 1
    await world.run({**ORDER, "customer": "c", "lines": [{"line": 1}]})
    world.customers({"b": "C-2", "c": "C-3"})
    world.clock.now += 601
    balance = await world.run()
    assert went(balance) == {"carried_in": 2, "split_added": 1, "superseded": 1, "delivered": 2}
    assert sorted(one["line"] for one in sent()) == [1, 2]
    assert {one["line"]: one["erp"] for one in sent()} == {1: "C-3", 2: "C-2"}


async def test_what_a_source_gives_with_every_fetch_is_not_looked_for_for_ever(world: World) -> None:
    """Without ``entity.version`` each fetch makes a state of its own: the attempts began anew with each."""
    order, fates = {"number": "1", "customer": "C"}, []
    for _ in range(35):
        went_so = went(await world.run(order))
        fates.append("rejected" if "rejected" in went_so else world.entity("1").attempts)
        world.clock.now += 60
    assert fates[:31] == [1] * 10 + [2] * 10 + ["rejected"] + [1] * 10
    assert sent() == []
    world.customers({"C": "E-9"})
    await world.run(order)
    assert sent() == [{"number": "1", "erp": "E-9"}]


async def test_early_fetches_do_not_put_off_what_is_due(world: World) -> None:
    order = {"number": "1", "customer": "C"}
    await world.run(order)
    due = world.entity("1").next_attempt
    for _ in range(5):
        world.clock.now += 60
        await world.run(order)
        assert world.entity("1").next_attempt == due
