"""What the target may hold counts until it is known: nothing is unchanged beside it, and no key comes twice for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections
from push_scene import REPEATABLE, MakeRun, Scene, Sends, answering, order
from sqlalchemy import select

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.actions import entity_actions
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.expiry import expire
from airflow_integrations.ledger.storage import tables
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Services


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(clock: Clock) -> Services:
    return Services(NoConnections(), now=clock, ledger=Ledger.temporary())


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Scene:
    return Scene(make_run, services, tmp_path)


def reset(batch: Sequence[Outbound]) -> list[Result]:
    raise OutageError("the connection was reset")


doubt = answering("in_doubt", reason="no answer")
refuse = answering("failed", reason="no", http_status=422)
ERROR = answering("failed", reason="oh", http_status=500, cause="server")


@pytest.mark.parametrize("unheard", [doubt, reset, ERROR, answering("waiting", reason="later", deadline=60)])
async def test_a_newer_state_that_is_refused_does_not_hide_the_doubt(scene: Scene, clock: Clock, unheard: Any) -> None:
    """A is delivered, nobody hears of B, C is refused: when A comes again the target may have B."""
    sends = Sends(scene, clock, REPEATABLE)
    await sends.state("A")
    await sends.state("B", unheard)
    await sends.state("C", refuse)
    assert await sends.state("A") == {"delivered": 1}
    assert sends.states == ["A", "B", "C", "A"]
    assert sends.came[0][1] != sends.came[3][1]
    assert await sends.state("A") == {"unchanged": 1}, "known again"


async def test_an_open_state_that_comes_back_has_a_key_of_its_own(scene: Scene, clock: Clock) -> None:
    """A in doubt, then B: a target that still knows the key of A would answer from memory, and keep B."""
    sends = Sends(scene, clock, REPEATABLE)
    for content in "ABAB":
        await sends.state(content, doubt)
    keys = [key for _, key in sends.came]
    assert len(set(keys)) == 4


async def test_a_retry_of_one_state_keeps_its_key(scene: Scene, clock: Clock) -> None:
    sends = Sends(scene, clock, REPEATABLE)
    await sends.state("A")
    await sends.state("B", doubt)
    await sends.state("C", doubt)
    clock.now += 7200
    await sends.state("C", doubt)
    clock.now += 7200
    await sends.state("C")
    assert [key for state, key in sends.came if state == "C"] == [sends.came[2][1]] * 3


async def test_doubt_outlives_a_person_that_skips_or_retries_it(scene: Scene, clock: Clock, services: Services) -> None:
    database = services.ledger
    one = Selection("orders", keys=frozenset({"1"}))
    for act in (
        lambda: entity_actions.skip(database, one, "a test", "me", clock.now),
        lambda: entity_actions.retry(database, one, "me", clock.now),
    ):
        sends = Sends(scene, clock, None)
        await sends.state("A")
        await sends.state("B", ERROR)
        act()
        assert await sends.state("A") == {"delivered": 1}


async def test_what_was_not_confirmed_in_time_may_be_there(scene: Scene, clock: Clock, services: Services) -> None:
    sends = Sends(scene, clock, None)
    await sends.state("A")
    await sends.state("B", answering("waiting", reason="later", deadline=60))
    clock.now += 100
    assert expire(services.ledger, clock.now) == 1
    assert await sends.state("A") == {"delivered": 1}


async def test_what_the_target_says_did_not_arrive_is_no_doubt(scene: Scene, clock: Clock, services: Services) -> None:
    sends = Sends(scene, clock, None)
    await sends.state("A")
    await sends.state("B", answering("waiting", reason="later", deadline=60))
    one = Selection("orders", keys=frozenset({"1"}))
    entity_actions.confirm(services.ledger, one, "failed", "me", clock.now, reason="credit limit")
    assert await sends.state("A") == {"unchanged": 1}


async def test_doubt_about_an_earlier_state_outlives_the_refusal_of_a_later_one(
    scene: Scene, clock: Clock, services: Services
) -> None:
    sends = Sends(scene, clock, REPEATABLE)
    await sends.state("A")
    await sends.state("B", doubt)
    await sends.state("C", answering("waiting", reason="later", deadline=60))
    one = Selection("orders", keys=frozenset({"1"}))
    entity_actions.confirm(services.ledger, one, "failed", "me", clock.now, reason="credit limit")
    await sends.state("B", doubt)
    assert sends.came[1] == sends.came[3], "the same state, the same key"
    assert await sends.state("A") == {"delivered": 1}


async def test_many_doubts_keep_a_row_small(scene: Scene, clock: Clock, services: Services) -> None:
    sends = Sends(scene, clock, REPEATABLE)
    await sends.state("A")
    for number in range(30):
        await sends.state(f"B{number}", doubt)
    with services.ledger.read() as connection:
        row = connection.execute(select(tables.entity)).one()
    assert len(row.maybe) == 331
    assert row.unheard == 29
    assert await sends.state("A") == {"delivered": 1}


async def test_a_state_that_is_no_longer_remembered_is_not_sent_twice(scene: Scene, clock: Clock) -> None:
    """Ten unanswered states are remembered. The eleventh pushes out the first, which the target may still hold."""
    sends = Sends(scene, clock, {"delivery": {"in_doubt": "hold"}})
    for number in range(11):
        await sends.state(f"B{number}", doubt)
    assert await sends.state("B0") == {"in_doubt": 1}
    assert [state for state, _ in sends.came].count("B0") == 1


@pytest.mark.parametrize("stopped", [False, True])
async def test_between_two_tries_of_a_push_nothing_is_unchanged(
    scene: Scene, clock: Clock, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """Found by the simulator, seed 7116 of its first day: the target took a state and was gone, and before the push was
    tried again another run found the state before it *unchanged*. The target kept the wrong one, in silence."""
    sends = Sends(scene, clock, REPEATABLE)
    await sends.state("A")
    stop = asyncio.Event()

    async def took_it_and_is_gone(batch: Sequence[Outbound]) -> list[Result]:
        if stopped:
            stop.set()
            await asyncio.sleep(3600)
        raise OutageError("the connection was reset")

    MemoryOutgoing.answer = took_it_and_is_gone
    MemoryIncoming.pages_to_give = [[order(1, state="B")]]
    tried = make_run(route=REPEATABLE, run_id="tried")
    staging = scene.staging(tried)
    await fetch(tried, scene.services, staging)
    await transform(tried, scene.services, staging)
    monkeypatch.setattr("airflow_integrations.engine.push.workers.ANSWER_SECONDS", 0.05)
    with pytest.raises(OutageError):
        await push(tried, scene.services, staging, stop)
    assert await sends.state("A") == {"delivered": 1}
    assert [content for content, _ in sends.came] == ["A", "A"]
    assert len({key for _, key in sends.came}) == 2


@pytest.mark.parametrize("policy", ["hold", "resend"])
async def test_a_newer_state_that_is_left_out_does_not_end_the_doubt(scene: Scene, clock: Clock, policy: str) -> None:
    """Nobody hears of A; a newer draft is filtered; A comes again, as a late event does: the target may have it."""
    sends = Sends(
        scene,
        clock,
        {
            "entity": {"name": "order", "key": "order.number", "version": "order.rev"},
            "transform": [{"filter": 'order.state != "draft"'}],
            "delivery": {"in_doubt": policy},
        },
    )
    await sends.state("A", doubt, rev=1)
    assert await sends.state("draft", rev=2) == {"filtered": 1}
    assert await sends.state("A", rev=1) == ({"in_doubt": 1} if policy == "hold" else {"delivered": 1})
    assert sends.states == (["A"] if policy == "hold" else ["A", "A"])
    assert len({key for _, key in sends.came}) == 1, "the target that knows keys takes it once"


async def test_of_several_unanswered_states_none_is_sent_again(scene: Scene, clock: Clock) -> None:
    """Nobody hears of A, nor of B; a newer draft is filtered; both come again with it."""
    sends = Sends(
        scene,
        clock,
        {
            "entity": {"name": "order", "key": "order.number", "version": "order.rev"},
            "transform": [{"filter": 'order.state != "draft"'}],
            "delivery": {"in_doubt": "hold"},
        },
    )
    await sends.state("A", doubt, rev=1)
    await sends.state("B", doubt, rev=2)
    assert await sends.state("draft", rev=3) == {"filtered": 1}
    assert await sends.state("B", rev=2) == {"in_doubt": 1}
    assert await sends.state("draft", rev=3) == {"filtered": 1}
    assert await sends.state("A", rev=1) == {"in_doubt": 1}
    assert sends.states == ["A", "B"]
