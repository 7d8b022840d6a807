"""Entities in three requests: wherever that breaks off, it goes on at the step that the target has not confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from push_target import Visit
from push_world import MakeRun, at_once
from sqlalchemy import delete, select
from steps_target import ANSWERS, HELD, PATHS, StepWorld
from test_steps_model import check

from airflow_integrations.engine.fetch.entity_contents import NOTHING, Content
from airflow_integrations.engine.masked_reasons import Reasons
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.entity_actions import confirm, retry
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.views import EntityRecord
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.storage import tables
from airflow_integrations.masking.mask import Mask

A = Selection("orders", keys=frozenset("a"))
FIRST = (("a", 1),)


@pytest.fixture(scope="module")
def opened() -> Iterator[Ledger]:
    with Ledger.temporary() as ledger:
        yield ledger


@pytest.fixture
def world(
    opened: Ledger, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> StepWorld:
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    with opened.write() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    honours = getattr(request, "param", True)
    return StepWorld(make_run, opened, tmp_path, {"a": [0, 1, 0], "b": [0, 0, 0]}, honours=honours)


def record(world: StepWorld) -> EntityRecord:
    found = where(world.ledger, "orders", "a", world.clock.now)
    assert found is not None
    return found


def effects(world: StepWorld) -> list[int]:
    """How often each step took effect."""
    return [len(world.told.effects[path]["a"]) for path in PATHS]


def stored(world: StepWorld) -> list[Any]:
    with world.ledger.read() as connection:
        return list(connection.scalars(select(tables.progress.c.steps)))


async def test_a_step_sees_what_those_before_it_gave(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST))
    assert (record(world).status, record(world).target_id, effects(world)) == ("delivered", "1", [1, 1, 1])
    assert [world.told.effects[path]["a"][0].seen for path in PATHS] == [None, 1, 2]
    assert len({world.told.effects[path]["a"][0].keyed for path in PATHS}) == 3
    assert stored(world) == []


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("settles", [False, True])
async def test_it_goes_on_where_it_broke_off(world: StepWorld, at: int, answer: str, settles: bool) -> None:
    told = ("ok",) * at + (answer,)
    await world.visit("r0", Visit(states=FIRST, answers=told, settles=settles))
    assert sum(effects(world)) in (at, at + 1, 3)
    await world.calm()
    if answer == "refuse":
        assert record(world).status == "failed"
        assert effects(world) == [1] * at + [0] * (3 - at)
        retry(world.ledger, A, "jane", world.clock.now)
        await world.calm()
    assert record(world).status == "delivered"
    assert effects(world) == [1, 1, 1]
    assert stored(world) == []
    check(world)


@pytest.mark.parametrize("world", [False], indirect=True)
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("answer", HELD)
async def test_what_must_not_go_twice_is_held_at_its_step(world: StepWorld, at: int, answer: str) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok",) * at + (answer,)))
    await world.calm()
    check(world)
    arrived = answer in ("lost", "kill")
    if arrived or answer in ("silent", "kill_before"):
        assert record(world).status == "in_doubt"
        assert effects(world) == [1] * (at + arrived) + [0] * (3 - at - arrived)
        await world.visit("again", Visit(), retry=RetryWanted())
        assert record(world).status == "in_doubt"
        if arrived:
            return
        confirm(world.ledger, A, "failed", "jane", world.clock.now, reason="it is not there")
    if record(world).status == "failed":
        retry(world.ledger, A, "jane", world.clock.now)
        await world.calm()
    assert (record(world).status, effects(world)) == ("delivered", [1, 1, 1])


@pytest.mark.parametrize("world", [False], indirect=True)
async def test_a_person_sends_what_is_held_again(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "silent")))
    retry(world.ledger, A, "jane", world.clock.now)
    await world.calm()
    assert (record(world).status, effects(world)) == ("delivered", [1, 1, 1])


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("answer", ["refuse", "broken", "kill", "away"])
async def test_other_content_goes_through_all_steps_and_so_does_the_first_after_it(
    world: StepWorld, at: int, answer: str
) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok",) * at + (answer,)))
    world.clock.now += 400
    await world.maintain()
    await world.visit("r1", Visit(states=(("a", 2),), answers=("ok",) * at + (answer,)))
    world.clock.now += 400
    await world.maintain()
    await world.visit("r2", Visit(states=(("a", 3),)))
    await world.calm()
    check(world)
    assert record(world).delivered_version == "3"
    assert [world.told.effects[path]["a"][-1].content for path in PATHS] == [0, 0, 0]
    if at:
        assert len(world.told.effects["/first"]["a"]) == 3


@pytest.mark.parametrize("dies_at", range(1, 16))
@pytest.mark.parametrize("answers", [(), ("ok", "broken"), ("ok", "refuse"), ("ok", "ok", "kill")])
async def test_killed_at_any_call_of_the_ledger(world: StepWorld, dies_at: int, answers: tuple[str, ...]) -> None:
    states = (("a", 1), ("b", 1))
    await world.visit("r0", Visit(states=states, answers=answers, dies_at=dies_at))
    await world.send("r0", Visit(answers=("lost",), dies_at=dies_at // 2))
    await world.calm()
    check(world)


async def test_a_run_that_is_cleared_goes_on_with_what_was_confirmed(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "kill_before")))
    await world.visit("r0", Visit())
    assert (record(world).status, effects(world)) == ("delivered", [1, 1, 1])
    assert world.told.asked == ["/first", "/second", "/second", "/third"]


async def test_what_a_push_left_to_the_next_attempt_goes_on(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "away"), final=False, settles=False))
    assert effects(world) == [1, 0, 0]
    await world.send("r0", Visit())
    assert (record(world).status, effects(world)) == ("delivered", [1, 1, 1])


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("answer", ["away", "throttle", "silent"])
async def test_another_run_goes_on_where_a_push_ended_early(world: StepWorld, answer: str, final: bool) -> None:
    """What the target has confirmed counts for whoever takes the key next, before the push is tried again."""
    await world.visit("r0", Visit(states=FIRST, answers=("ok", answer), final=final, settles=False))
    world.clock.now += 400
    await world.visit("r1", Visit(states=FIRST))
    assert (record(world).delivered_version, effects(world)) == ("1", [1, 1, 1])
    assert world.told.asked.count("/first") == 1
    await world.send("r0", Visit())
    await world.calm()
    assert effects(world) == [1, 1, 1]


@pytest.mark.parametrize(("world", "status"), [(True, "delivered"), (False, "in_doubt")], indirect=["world"])
@pytest.mark.parametrize("at", [0, 1, 2])
async def test_another_run_takes_a_key_whose_request_was_broken_off(
    world: StepWorld, at: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push that is asked to stop waits for answers, and not for ever. Each step takes effect once all the same."""
    monkeypatch.setattr("airflow_integrations.engine.push.workers.ANSWER_SECONDS", 0.01)
    answers = ("ok",) * at + ("hang",)
    await world.visit("r0", Visit(states=FIRST, answers=answers, stops_at=at + 1, final=False, settles=False))
    world.clock.now += 400
    await world.visit("r1", Visit(states=FIRST))
    assert record(world).status == status
    assert max(effects(world)) == 1
    assert world.told.asked[: at + 1] == list(PATHS[: at + 1])
    assert all(world.told.asked.count(path) == 1 for path in PATHS[:at])


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("answer", ["away", "throttle", "silent"])
async def test_content_that_comes_back_is_sent_where_other_content_is_partly_there(
    world: StepWorld, answer: str, final: bool
) -> None:
    """0 is delivered, of 1 the target has the first step, 0 comes again: what the target has is no longer 0."""
    await world.visit("r0", Visit(states=FIRST))
    await world.visit("r1", Visit(states=(("a", 2),), answers=("ok", answer), final=final, settles=False))
    world.clock.now += 400
    await world.visit("r2", Visit(states=(("a", 3),)))
    assert [world.told.effects[path]["a"][-1].content for path in PATHS] == [0, 0, 0]
    await world.send("r1", Visit())
    await world.calm()
    check(world)
    assert [world.told.effects[path]["a"][-1].content for path in PATHS] == [0, 0, 0]


async def test_a_confirmed_step_is_sent_once_more_where_a_person_asks_for_it(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "ok", "refuse")))
    assert [(step.step, step.result, step.status) for step in record(world).steps] == [
        ("first_id", "1", 200),
        ("second_id", "2", 200),
    ]
    retry(world.ledger, A, "jane", world.clock.now, from_step="second_id")
    assert [step.step for step in record(world).steps] == ["first_id"]
    await world.visit("r1", Visit(answers=("ok", "broken")), retry=RetryWanted())
    await world.calm()
    assert (record(world).status, effects(world)) == ("delivered", [1, 2, 1])
    assert record(world).steps == ()
    assert any("from the step second_id by jane" in str(line.reason) for line in record(world).history)


async def test_only_a_confirmed_step_can_be_sent_once_more(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "refuse")))
    with pytest.raises(RunError, match="has not confirmed the step second_id of 1 entity; confirmed are first_id"):
        retry(world.ledger, A, "jane", world.clock.now, from_step="second_id")
    assert record(world).status == "failed"


async def test_what_a_person_says_was_delivered_needs_no_steps(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "refuse")))
    retry(world.ledger, A, "jane", world.clock.now)
    await world.visit("r1", Visit(answers=("kill",)), retry=RetryWanted())
    world.clock.now += 400
    await world.maintain()
    confirm(world.ledger, A, "delivered", "jane", world.clock.now)
    assert (record(world).status, stored(world)) == ("delivered", [])


async def test_what_steps_say_of_a_payload_is_masked(world: StepWorld) -> None:
    await world.visit("r0", Visit(states=FIRST, answers=("ok", "refuse")))
    found = record(world)
    payload = b'{"number": "a", "note": "erp: POST"}'
    content = Content(payload, payload, None, at_target=True)
    shown = Reasons(world.ledger, str(world.folder), "orders", Mask(["note"])).record(found, content)
    assert [(step.step, step.request) for step in shown.steps] == [("first_id", "*** /first")]
    unknown = Reasons(world.ledger, str(world.folder), "orders", Mask(["note"])).record(found, NOTHING)
    assert unknown.steps[0].request != "erp: POST /first"
    assert unknown.steps[0].result == unknown.steps[0].answer == unknown.steps[0].request
