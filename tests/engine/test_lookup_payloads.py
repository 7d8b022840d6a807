"""What waits for a lookup has its payload wherever a run dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_kinds import MemoryIncoming
from lookup_world import ORDER, World, sent, split, went

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest


@pytest.fixture
def world(ledger_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(ledger_url, tmp_path)
    yield made
    made.ledger.close()


async def test_what_a_transform_has_put_off_is_found_where_its_manifest_was_not_saved_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator, seed 22000000069: the ledger named places in segments that no manifest named."""
    order, saves = {"number": "1", "customer": "C"}, Staging.save

    def dies(staging: Staging, manifest: Manifest) -> None:
        if manifest.stage == "transform" and manifest.complete:
            raise KeyboardInterrupt
        saves(staging, manifest)

    monkeypatch.setattr(Staging, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        await world.run(order)
    monkeypatch.setattr(Staging, "save", saves)
    assert world.entity("1").status == "retrying"
    world.customers({"C": "E-9"})
    MemoryIncoming.pages_to_give = [[]]
    async with world.services() as services:
        await fetch(world.asked, services, world.staging)
    assert went(await world.again()) == {"carried_in": 1, "delivered": 1}
    assert sent() == [{"number": "1", "erp": "E-9"}]


async def test_what_a_run_has_taken_over_of_its_own_is_not_lost_where_it_ends_before_it_decides(world: World) -> None:
    """Found by the simulator, seed 22000000069: its fetch had begun anew and removed the files of its transform."""
    split(world)
    await world.run(ORDER)
    MemoryIncoming.pages_to_give = [[]]
    async with world.services() as services:
        await fetch(world.asked, services, world.staging)
        books = await settle(world.asked, services, world.staging)  # transform failed in all of its tries
    assert books.unfinished == "transform"
    world.clock.now += 601
    world.customers({"b": "C-2"})
    assert went(await world.run()) == {"carried_in": 1, "split_added": 1, "delivered": 2}
    assert [one["line"] for one in sent()] == [1, 2]


async def test_books_of_a_fetch_that_broke_off_do_not_count_what_an_earlier_transform_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator, seed 12000016280: it died between its new manifest and the removal of the old files."""
    split(world, {"filter": "order.number != 9"})
    assert went(await world.run({**ORDER, "number": 9})) == {"fetched": 1, "filtered": 1}
    MemoryIncoming.pages_to_give = [[]]

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Staging, "clear", dies)
    async with world.services() as services:
        with pytest.raises(KeyboardInterrupt):
            await fetch(world.asked, services, world.staging)
        books = await settle(world.asked, services, world.staging)
    assert (books.balanced, books.unfinished, books.counts["filtered"]) == (True, "fetch", 0)
