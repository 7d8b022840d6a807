"""A mask that has grown since reasons were written: they are shown as the mask is now, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryOutgoing
from push_scene import Scene, answering
from sqlalchemy import delete, update

from airflow_integrations.engine.fetch.entity_contents import content_of
from airflow_integrations.engine.masked_reasons import WITHHELD, Reasons, _covered, masked_group
from airflow_integrations.ledger.queries.entities import find, where
from airflow_integrations.ledger.queries.overview import error_groups
from airflow_integrations.ledger.queries.search import search
from airflow_integrations.ledger.queries.views import EntityLine, EntityRecord
from airflow_integrations.ledger.storage import tables
from airflow_integrations.masking.mask import Mask
from airflow_integrations.run import Run, Services

MAIL, NAME = "ana.buyer@example.com", "Ana Buyer"
STEPS = [{"map": {"Number": "order.number", "Mail": "order.customer.email"}}]
BEFORE: dict[str, Any] = {"transform": STEPS, "mask": ["customer.name"]}
NOW: dict[str, Any] = {"transform": STEPS, "mask": ["customer.email", "customer.name"]}
MASK = Mask(NOW["mask"], entity="order")


def order(number: int) -> dict[str, Any]:
    return {"number": number, "customer": {"email": MAIL, "name": NAME}}


class World:
    def __init__(self, scene: Scene, services: Services, clock: Clock) -> None:
        self.scene, self.services, self.clock = scene, services, clock
        self.database = services.ledger

    async def run(self, *numbers: int, route: dict[str, Any], says: str = f"{MAIL} is blocked", **asked: Any) -> None:
        MemoryOutgoing.answer = answering("failed", reason=says, http_status=422)
        self.clock.now += 60
        await self.scene.run(*map(order, numbers), route=route, **asked)
        self.clock.now += 60

    def reasons(self, mask: Mask = MASK) -> Reasons:
        return Reasons(self.database, str(self.scene.folder), "orders", mask)

    def line(self, key: str = "1") -> EntityLine:
        (line,) = self.reasons().lines(find(self.database, route="orders", prefix=key).entities)
        return line

    def record(self, key: str = "1") -> EntityRecord:
        record = where(self.database, "orders", key, self.clock.now)
        assert record is not None
        return self.reasons().record(record, content_of(str(self.scene.folder), record))

    def told(self, key: str = "1") -> list[str | None]:
        """The reason in a list, on the entity's page, in its history, and as the example of its kind."""
        record = self.record(key)
        (group,) = error_groups(self.database, "orders")
        shown = masked_group(self.database, str(self.scene.folder), group, MASK)
        return [self.line(key).message, record.message, record.history[0].reason, shown.example_message]

    def payloads_go(self) -> None:
        shutil.rmtree(self.scene.folder / "orders")


@pytest.fixture
def world(make_run: Callable[..., Run], services: Services, clock: Clock, tmp_path: Path) -> World:
    return World(Scene(make_run, services, tmp_path), services, clock)


async def test_a_reason_from_before_quotes_nothing_where_the_payload_is_there(world: World) -> None:
    await world.run(1, route=BEFORE)
    assert world.told() == ["*** is blocked"] * 4


async def test_a_reason_from_before_is_withheld_where_the_payload_is_gone(world: World) -> None:
    await world.run(1, route=BEFORE)
    await world.run(2, route=NOW, says="something else")
    world.payloads_go()
    assert [world.line().message, world.record().message, world.record().history[0].reason] == [WITHHELD] * 3
    assert world.line().http_status == 422


async def test_a_reason_from_afterwards_is_shown_though_the_payload_is_gone(world: World) -> None:
    await world.run(1, route=NOW)
    world.payloads_go()
    assert world.told() == ["*** is blocked"] * 4


async def test_a_payload_from_before_that_goes_out_afterwards(world: World) -> None:
    """The run knows the new mask, and not what the source gave: that was not staged beside what goes out."""
    await world.run(1, route={"transform": STEPS})
    with world.database.write() as connection:
        connection.execute(update(tables.entity).values(status="retrying", next_attempt=0.0))
    await world.run(route=NOW, kind="retry")
    assert len(world.record().history) > 2
    world.payloads_go()
    record = world.record()
    assert {record.message, *(line.reason for line in record.history)} <= {None, WITHHELD}


async def test_what_an_older_state_was_told_of_is_not_hidden_by_what_the_newer_one_holds(world: World) -> None:
    await world.run(1, route=BEFORE)
    world.clock.now += 60
    newer = {"number": 1, "customer": {"email": "someone.else@example.com"}}
    MemoryOutgoing.answer = answering("failed", reason="someone.else@example.com is blocked", http_status=422)
    await world.scene.run(newer, route=BEFORE)
    record = world.record()
    assert record.message == record.history[0].reason == "*** is blocked"
    assert record.history[-1].reason == WITHHELD


async def test_a_run_that_was_cleared_may_have_worked_by_another_mask_before(world: World) -> None:
    await world.run(1, route=BEFORE)
    with world.database.write() as connection:  # as when it is cleared, and then rejects nothing
        connection.execute(update(tables.run).values(route_hash="new", again=world.clock.now, finished=world.clock.now))
        row = {"route_id": 1, "hash": "new", "at": world.clock.now, "text": "mask: [customer.email, customer.name]\n"}
        connection.execute(tables.definition.insert().values(**row))
    world.payloads_go()
    assert world.line().message == WITHHELD


async def test_what_the_ledger_no_longer_knows_of_counts_as_not_hidden(world: World) -> None:
    await world.run(1, route=BEFORE)
    await world.run(2, route=NOW, says="something else")
    with world.database.write() as connection:
        first = tables.run.c.run_id == "run-1"
        connection.execute(delete(tables.run).where(first))
        connection.execute(delete(tables.definition))
    world.payloads_go()
    assert world.line().message == WITHHELD


async def test_a_text_is_looked_for_in_what_is_shown(world: World) -> None:
    await world.run(1, 2, route=BEFORE)
    await world.run(3, route=NOW)
    reasons = world.reasons()

    def found(text: str) -> list[str]:
        page = search(world.database, route="orders", text=text, unsure_before=reasons.hidden_since)
        return [line.key for line in reasons.lines(page.entities) if reasons.fits(line, text)]

    assert found("blocked") == found("IS BLOCKED") == ["1", "2", "3"]
    assert found(MAIL) == found("ana") == found("@") == []
    world.payloads_go()
    assert found("blocked") == ["3"]
    assert found("ana") == found("mask") == []


async def test_what_the_ledger_gives_for_a_text_does_not_tell_what_is_hidden(world: World) -> None:
    """Where its pages end says nothing either."""
    await world.run(*range(1, 6), route=BEFORE)
    since = world.reasons().hidden_since
    pages = [
        search(world.database, route="orders", text=text, limit=2, unsure_before=since)
        for text in ("ana.b", "ana.c", "zzz")
    ]
    assert pages[0] == pages[1] == pages[2]
    assert pages[0].after is not None


def test_each_line_of_a_history_counts_by_itself() -> None:
    lines = [[at, status] for at, status in ((9, "failed"), (8, "delivered"), (7, "failed"), (3, "retrying"))]
    assert _covered(1.0, lines, 5.0) == [True, False, False, False]
    assert _covered(6.0, lines[:3], 5.0) == [True, True, True]
    assert _covered(1.0, [[9, "failed"], [4, "skipped"]], 5.0) == [False, False]  # a person takes it up again
    assert _covered(1.0, [[9, "failed"], [4, "unchanged"]], 5.0) == [True, False]
