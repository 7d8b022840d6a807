"""A run whose push is spread over several tasks: each part has its own journal, leases and retries."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered
from push_scene import MakeRun, Scene, away, order, sent
from push_world import PUSH_ALONE

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.parts import Part, lines_of, parts_of
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.run_progress import run_progress
from airflow_integrations.engine.segment_lines import key_of_line
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.share import transform_share
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services

PARTS = 3
ALL = [order(n) for n in range(60)]
SPREAD: dict[str, Any] = {"tasks": {"spread_above": 10}}


class Spread(Scene):
    """Runs whose push has three parts."""

    async def staged(self, run: Run, *records: Any) -> Run:
        MemoryIncoming.pages_to_give = [list(records)]
        await fetch(run, self.services, self.staging(run))
        await transform(run, self.services, self.staging(run), spread=PARTS)
        return run

    async def journal(self, run: Run, part: int) -> Journal:
        """Of a part that has come through transform and sends its first entities."""
        staging = self.staging(run)
        fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
        assert fetched is not None
        which, ref = parts_of(transformed)[part], await run_ref(run, self.services, staging)
        await transform_share(run, ref, self.services, staging, fetched, which, None, final=True)
        return Journal.open(staging, Outbounds(staging, fetched, transformed, which).count, part)

    async def push(self, run: Run, part: int, **how: Any) -> dict[str, int]:
        return (await push(run, self.services, self.staging(run), part=part, final=True, **how)).counts

    async def books(self, run: Run) -> list[str]:
        return (await settle(run, self.services, self.staging(run))).lines()

    def keys(self, run: Run, part: int) -> set[str]:
        staging = self.staging(run)
        fetched = staging.manifest("fetch")
        assert fetched is not None
        blocks = staging.blocks([*fetched.segments, *fetched.carried])
        lines = (line for _, block in lines_of(Part(part, PARTS), blocks, 0) for line in block.split(b"\n"))
        return {key_of_line(line) for line in lines}


@pytest.fixture(params=["push", "transform and push"])
def scene(make_run: MakeRun, services: Services, tmp_path: Path, request: pytest.FixtureRequest) -> Spread:
    route = SPREAD if request.param != "push" else {"tasks": SPREAD["tasks"] | PUSH_ALONE}

    def of_route(**asked: Any) -> Run:
        return make_run(**{**asked, "route": (asked.get("route") or {}) | route})

    return Spread(of_route, services, tmp_path)


def refusing(key: str) -> Any:
    def answer(batch: Sequence[Outbound]) -> list[Result]:
        return [Result("failed", reason="no") if o.key == key else Result("delivered") for o in batch]

    return answer


async def test_every_entity_is_in_one_part_and_the_books_are_those_of_all(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    parts = [scene.keys(run, part) for part in range(PARTS)]
    assert all(len(part) > 9 for part in parts)
    assert sorted(key for part in parts for key in part) == sorted(str(n) for n in range(60))
    await asyncio.gather(*(scene.push(run, part) for part in range(PARTS)))
    assert sorted(sent()) == sorted(str(n) for n in range(60))
    assert await scene.books(run) == ["60 fetched = 60 delivered"]


async def test_a_small_run_is_sent_by_one_task(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(), *ALL[:10])
    assert await scene.push(run, 0) == {"delivered": 10}
    assert await scene.push(run, 1) == {}
    assert await scene.books(run) == ["10 fetched = 10 delivered"]


async def test_all_states_of_a_key_go_in_order_through_one_part(scene: Spread) -> None:
    records = [order(n, state=state) for state in range(3) for n in range(20)]
    run = await scene.staged(scene.make_run(), *records)
    await asyncio.gather(*(scene.push(run, part) for part in range(PARTS)))
    states: dict[str, list[int]] = {}
    for batch in MemoryOutgoing.sent:
        for outbound in batch:
            states.setdefault(outbound.key, []).append(outbound.value["state"])
    assert set(map(tuple, states.values())) == {(0, 1, 2)}


async def test_one_part_that_fails_leaves_the_others_alone_and_its_entities_to_a_later_run(
    scene: Spread, clock: Clock
) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    MemoryOutgoing.answer = _no_password
    with pytest.raises(SetupError):
        await scene.push(run, 1)
    sent()
    MemoryOutgoing.answer = all_delivered
    await scene.push(run, 0)
    await scene.push(run, 2)
    others = scene.keys(run, 0) | scene.keys(run, 2)
    assert set(sent()) == others
    balance = await settle(run, scene.services, scene.staging(run))
    left = 60 - len(others)
    assert balance.lines()[0] == f"60 fetched = {60 - left} delivered + {left} retrying"
    assert balance.verdict is not None
    assert "push was not finished" in balance.verdict
    clock.now += 3600
    assert (await scene.run()).lines() == [f"0 fetched + {left} carried in = {left} delivered"]
    assert set(sent()).isdisjoint(others)


def _no_password(batch: Sequence[Outbound]) -> list[Result]:
    raise SetupError("401")


async def test_a_part_goes_on_with_its_own_journal_when_it_is_tried_again(scene: Spread, clock: Clock) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    seen = iter(range(100))

    def dies_later(batch: Sequence[Outbound]) -> list[Result]:
        if next(seen) >= 5:
            raise OutageError("reset")
        return all_delivered(batch)

    MemoryOutgoing.answer = dies_later
    with pytest.raises(OutageError):
        await push(run, scene.services, scene.staging(run), part=1)
    before = set(sent())
    MemoryOutgoing.answer = all_delivered
    await scene.push(run, 0)
    await scene.push(run, 2)
    sent()
    await scene.push(run, 1)
    assert set(sent()) == scene.keys(run, 1) - before
    assert await scene.books(run) == ["60 fetched = 60 delivered"]


async def test_what_the_journals_of_all_parts_know_is_absorbed_before_the_run_is_fetched_again(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    staging, delivered = scene.staging(run), []
    for part in range(PARTS):
        keys = sorted(scene.keys(run, part), key=int)
        journal = await scene.journal(run, part)
        await journal.sent([0])
        journal.done([0], [Outcome(key=keys[0], status="delivered")])
        journal.close()
        delivered.append(keys[0])
    await scene.staged(run, *ALL)
    assert not list(staging.folder.glob("push*")), "the files of all parts are cleared"
    for part in range(PARTS):
        await scene.push(run, part)
    assert set(sent()) == {str(n) for n in range(60)} - set(delivered)
    assert await scene.books(run) == ["60 fetched = 57 delivered + 3 unchanged"]


async def test_a_run_of_which_a_part_died_is_recovered_with_all_its_journals(scene: Spread, clock: Clock) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    staging = scene.staging(run)
    await scene.push(run, 0)
    ref = await run_ref(run, scene.services, staging)
    keys = sorted(scene.keys(run, 1), key=int)
    (await scene.journal(run, 2)).close()
    journal = await scene.journal(run, 1)
    await journal.sent([0, 1])
    journal.done([0], [Outcome(key=keys[0], status="delivered")])
    journal.close()
    _lease(scene, ref, keys, clock)
    clock.now += 600
    (lapsed,) = lapsed_runs(scene.services.ledger, "orders", clock.now)
    balance = await recover(run.route, lapsed, scene.services, staging)
    assert balance is not None
    first = len(scene.keys(run, 0))
    assert balance.lines()[0] == f"60 fetched = {first + 1} delivered + {58 - first} retrying + 1 in doubt"


def _lease(scene: Spread, ref: Any, keys: list[str], clock: Clock) -> None:
    from dataclasses import replace

    from airflow_integrations.ledger.runs.claims import reserve

    reserve(scene.services.ledger, replace(ref, part=1), keys, first=0, lease_until=clock.now + 300, now=clock.now)


async def test_payloads_and_reasons_are_those_of_the_entity_whatever_its_part(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(), *[order(n, text=f"of {n}") for n in range(60)])
    staging, key = scene.staging(run), max(scene.keys(run, 2), key=int)
    MemoryOutgoing.answer = refusing(key)
    for part in range(PARTS):
        await scene.push(run, part)
    assert [problem.key for problem in problems(staging)] == [key]
    place = places(scene.services.ledger, "orders", [key])[key]
    assert place.ref is not None
    payload = payload_of(staging, key, place.ref)
    assert payload is not None
    assert f"of {key}".encode() in payload


async def test_carried_in_entities_go_with_the_part_of_their_key(scene: Spread, clock: Clock) -> None:
    MemoryOutgoing.answer = away
    first = await scene.run(*ALL[:8])
    assert first.lines() == ["8 fetched = 8 retrying"]
    clock.now += 3600
    MemoryOutgoing.answer = all_delivered
    run = await scene.staged(scene.make_run(run_id="next"), *[order(n) for n in range(8, 60)])
    for part in range(PARTS):
        await scene.push(run, part)
    assert await scene.books(run) == ["52 fetched + 8 carried in = 60 delivered"]


async def test_an_outage_that_all_parts_meet_counts_once_for_the_circuit(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    MemoryOutgoing.answer = away
    await asyncio.gather(*(scene.push(run, part) for part in range(PARTS)))
    assert route_state(scene.services.ledger, "orders").outages == 1
    assert await scene.books(run) == ["60 fetched = 60 retrying"]


async def test_batches_that_go_again_as_they_were_are_not_divided(scene: Spread, clock: Clock) -> None:
    def unheard(batch: Sequence[Outbound]) -> list[Result]:
        raise OutageError("no answer")

    route = SPREAD | {"delivery": {"batch": 4, "concurrency": 1}, "outgoing": {"memory": {"repeatable": True}}}
    MemoryOutgoing.answer = unheard
    await scene.run(*ALL[:8], route=route)
    MemoryOutgoing.answer = all_delivered
    clock.now += 3600
    run = await scene.staged(scene.make_run(run_id="next", route=route), *[order(n) for n in range(8, 60)])
    transformed = scene.staging(run).manifest("transform")
    assert transformed is not None
    assert transformed.parts == []


async def test_progress_is_that_of_all_parts(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(), *ALL)
    await scene.push(run, 1)
    assert run_progress(scene.staging(run)) == f"running, push {len(scene.keys(run, 1))} of 60"


async def test_parts_have_at_most_the_requests_of_one_push_between_them(scene: Spread) -> None:
    run = await scene.staged(scene.make_run(route=SPREAD | {"delivery": {"concurrency": 4}}), *ALL)
    await asyncio.gather(*(scene.push(run, part) for part in range(PARTS)))
    assert MemoryOutgoing.most_under_way <= 4


@pytest.mark.parametrize(
    "lines",
    [
        [b'["1",null,{}]', b'["2",null,{}]'],
        [b'["a\\",b",null,{}]', b'["\\u0031",null,{}]', b'["1",null,{}]', b'["",null,{}]', '["é",null,{}]'.encode()],
    ],
)
def test_lines_are_divided_by_the_key_that_they_mean(lines: list[bytes]) -> None:
    found = [list(lines_of(Part(number, 2), [b"\n".join(lines)], 5)) for number in (0, 1)]
    places = {line: part for part, blocks in enumerate(found) for at, block in blocks for line in block.split(b"\n")}
    assert sorted(at for blocks in found for ats, _ in blocks for at in ats) == list(range(5, 5 + len(lines)))
    assert {part for line, part in places.items() if line == b'["1",null,{}]'} == {_part_of_one()}, "beside whatever"
    if b'["\\u0031",null,{}]' in places:
        assert places[b'["\\u0031",null,{}]'] == places[b'["1",null,{}]']


def _part_of_one() -> int:
    (part,) = [number for number in (0, 1) if list(lines_of(Part(number, 2), [b'["1",null,{}]'], 0))]
    return part


@pytest.mark.parametrize("of", [1, 2, 3, 5])
def test_lines_of_several_blocks_keep_their_places(of: int) -> None:
    blocks = [b"\n".join(b'["%d",null,{}]' % n for n in range(first, first + 7)) for first in range(0, 70, 7)]
    found = {
        (place, line)
        for number in range(of)
        for places, block in lines_of(Part(number, of), blocks, 3)
        for place, line in zip(places, block.split(b"\n"), strict=True)
    }
    assert found == {(3 + n, b'["%d",null,{}]' % n) for n in range(70)}
