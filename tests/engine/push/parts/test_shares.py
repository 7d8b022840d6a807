"""A run whose parts take their own entities through transform before they send them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered
from push_scene import MakeRun, Scene, order, sent

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.staged_payloads import filtered_of, incoming_of, payload_of
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push import part_at_work
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.run_progress import run_progress
from airflow_integrations.engine.settle.recovery import adopt, recover
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.settle.without_key import without_key
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.records import Lapsed
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.claims import renew_announcement, reserve
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.outgoing import Outbound
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

PARTS = 3
STEPS: list[Any] = [
    {"filter": "order.number % 5 != 1"},
    {"validate": {"schema": {"properties": {"number": {"not": {"multipleOf": 7}}}}}},
    {"map": {"number": "order.number", "text": "order.text"}},
]
SCHEDULED = {"schedule": {"cron": "0 0 * * *"}}
WANTED = [n for n in range(60) if n % 5 != 1 and n % 7]


class Shares(Scene):
    """Runs of three parts that transform their own shares."""

    async def staged(self, run: Run, *records: Any) -> Run:
        MemoryIncoming.pages_to_give = [list(records)]
        await fetch(run, self.services, self.staging(run))
        manifest = await transform(run, self.services, self.staging(run), spread=PARTS)
        assert len(manifest.shares) == PARTS
        return run

    async def push(self, run: Run, part: int, *, final: bool = True) -> dict[str, int]:
        return (await push(run, self.services, self.staging(run), part=part, final=final)).counts

    async def books(self, run: Run) -> list[str]:
        return (await settle(run, self.services, self.staging(run))).lines()


@pytest.fixture
def scene(make_run: MakeRun, services: Services, tmp_path: Path) -> Shares:
    def of_route(**asked: Any) -> Run:
        route = {"tasks": {"spread_above": 10}, "transform": STEPS, **(asked.pop("route", None) or {})}
        return make_run(**asked, route=route)

    return Shares(of_route, services, tmp_path)


def records() -> list[dict[str, Any]]:
    return [order(n, text=f"of {n}") for n in range(60)]


async def all_parts(scene: Shares, run: Run) -> None:
    await asyncio.gather(*(scene.push(run, part) for part in range(PARTS)))


async def test_the_books_of_all_shares_are_those_of_one_transform(scene: Shares) -> None:
    run = await scene.staged(scene.make_run(), *records())
    await all_parts(scene, run)
    assert sorted(sent(), key=int) == [str(n) for n in WANTED]
    assert (await scene.books(run))[0] == f"60 fetched = {len(WANTED)} delivered + 12 filtered + 7 rejected"


async def test_what_is_staged_of_an_entity_is_found_whatever_its_part(scene: Shares) -> None:
    def refused(batch: Sequence[Outbound]) -> list[Any]:
        from airflow_integrations.outgoing import Result

        return [Result("failed", reason="no") for _ in batch]

    MemoryOutgoing.answer = refused
    run = await scene.staged(scene.make_run(), *records())
    await all_parts(scene, run)
    staging = scene.staging(run)
    found = places(scene.services.ledger, "orders", [str(n) for n in range(60)])
    assert len(found) == 60
    for n in range(60):
        ref = found[str(n)].ref
        assert ref is not None
        record = incoming_of(staging, str(n), ref)
        assert record is not None
        assert msgspec.json.decode(record)["text"] == f"of {n}"
        if n % 5 == 1:
            line = filtered_of(staging, str(n), ref)
            assert line is not None
            assert line.value["number"] == n
            continue
        assert ref.stage == ("push" if n in WANTED else "problems-transform")
        payload = payload_of(staging, str(n), ref)
        assert payload is not None
        assert msgspec.json.decode(payload)["text"] == f"of {n}"
    assert len({(place.ref.stage, place.ref.at) for place in found.values() if place.ref}) == 60, "no place twice"


async def test_problems_of_all_shares_are_listed(scene: Shares) -> None:
    run = await scene.staged(scene.make_run(), *records())
    await all_parts(scene, run)
    assert {problem.key for problem in problems(scene.staging(run))} == {"0", "7", "14", "28", "35", "42", "49"}
    assert without_key(scene.staging(run)).problems == ()


async def test_states_of_one_key_are_merged_within_its_share(scene: Shares) -> None:
    run = scene.make_run(route={"transform": [{"merge": "last"}]})
    await scene.staged(run, *(order(n, state=state) for state in range(3) for n in range(20)))
    await all_parts(scene, run)
    assert {(o.key, o.value["state"]) for batch in MemoryOutgoing.sent for o in batch} == {
        (str(n), 2) for n in range(20)
    }
    assert await scene.books(run) == ["60 fetched = 20 delivered + 40 merged"]


async def test_rejected_entities_of_an_earlier_run_go_through_the_share_of_their_key(scene: Shares) -> None:
    first = scene.make_run(run_id="first")
    await scene.staged(first, *records())
    await all_parts(scene, first)
    await scene.books(first)
    sent()
    from airflow_integrations.ledger.records import RetryWanted

    again = scene.make_run(run_id="again", route={"transform": []}, retry=RetryWanted(statuses=frozenset({"rejected"})))
    fetched = await fetch(again, scene.services, scene.staging(again))
    assert fetched.entities == 7
    await transform(again, scene.services, scene.staging(again), spread=PARTS)
    await scene.push(again, 0)
    assert await scene.books(again) == ["0 fetched + 7 carried in = 7 delivered"]


async def test_a_share_that_never_came_through_is_pending_and_its_window_stays_open(
    scene: Shares, clock: Clock
) -> None:
    run = await scene.staged(scene.make_run(kind="scheduled", route=SCHEDULED), *records())
    await scene.push(run, 0)
    await scene.push(run, 2)
    shares = scene.staging(run).manifest("transform").shares  # type: ignore[union-attr]
    balance = await settle(run, scene.services, scene.staging(run))
    assert balance.balanced
    assert balance.counts["pending"] == shares[1]
    assert balance.verdict == f"push was not finished: {shares[1]} entities are pending"
    assert route_state(scene.services.ledger, "orders").mark is None
    assert run_progress(scene.staging(run)).endswith(f"of {60 - 19 + _left(scene, run, shares[1])}")
    first = set(sent())
    await scene.push(run, 1)
    assert set(sent()).isdisjoint(first)
    assert (await scene.books(run))[0] == f"60 fetched = {len(WANTED)} delivered + 12 filtered + 7 rejected"
    assert route_state(scene.services.ledger, "orders").mark is not None


def _left(scene: Shares, run: Run, share: int) -> int:
    """How many of a share that has not come through will be left out: they count as long as nobody knows."""
    out = [scene.staging(run).manifest("share", part) for part in (0, 2)]
    return share - (len(WANTED) - sum(manifest.entities for manifest in out if manifest))


async def test_what_a_share_that_never_came_through_had_taken_over_is_due_at_once(scene: Shares, clock: Clock) -> None:
    from push_scene import away

    MemoryOutgoing.answer = away
    await scene.run(*[order(n, text="") for n in range(60, 80)], route={"transform": []})
    MemoryOutgoing.answer = all_delivered
    clock.now += 3600
    run = await scene.staged(scene.make_run(run_id="next"), *records())
    await scene.push(run, 0)
    balance = await settle(run, scene.services, scene.staging(run))
    assert balance.balanced
    assert balance.counts["pending"] > 40
    taken = set(sent())
    later = await scene.run(route={"transform": []})
    assert set(sent()) == {str(n) for n in range(60, 80)} - taken
    assert later.balanced


class Dies(Exception):
    """The process is gone."""


class Mortal(Staging):
    """``left`` files can be written before the process dies, the next one not at all or just so."""

    def __init__(self, base: Any, route: str, run_id: str, left: int, *, written: bool) -> None:
        super().__init__(base, route, run_id)
        self.left = left
        self.written = written

    def write(self, name: str, content: bytes) -> None:
        if self.left == 0 and self.written:
            super().write(name, content)
        if self.left == 0:
            raise Dies
        self.left -= 1
        super().write(name, content)


@pytest.mark.parametrize("written", [False, True])
async def test_a_part_that_is_killed_at_any_file_of_its_share_loses_and_doubles_nothing(
    scene: Shares, written: bool
) -> None:
    for left in range(20):
        run = await scene.staged(scene.make_run(run_id=f"dies-{left}-{written}"), *_numbered(left))
        mortal = Mortal(scene.folder, "orders", run.run_id, left, written=written)
        try:
            await push(run, scene.services, mortal, part=1)
            died = False
        except Dies:
            died = True
        await all_parts(scene, run)
        assert sorted(sent(), key=int) == sorted((str(1000 * left + n) for n in range(60) if n % 2), key=int)
        assert await scene.books(run) == ["60 fetched = 30 delivered + 30 filtered"]
        if not died:
            assert left >= 3
            return
    raise AssertionError("it dies for ever")


def _numbered(left: int) -> list[dict[str, Any]]:
    return [order(1000 * left + n) for n in range(60)]


@pytest.fixture(autouse=True)
def _filters_odd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "killed" in request.node.name:
        monkeypatch.setitem(globals(), "STEPS", [{"filter": "order.number % 2 == 1"}])


async def test_a_part_that_transform_broke_leaves_the_others_alone(
    scene: Shares, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await scene.staged(scene.make_run(), *records())
    with monkeypatch.context() as broken:
        broken.setattr("airflow_integrations.transform.map.Map.apply", _raises(AnswerError("no")))
        with pytest.raises(AnswerError):
            await scene.push(run, 1)
    await scene.push(run, 0)
    await scene.push(run, 2)
    await scene.push(run, 1)
    assert sorted(sent(), key=int) == [str(n) for n in WANTED]


@pytest.mark.parametrize("final", [False, True])
async def test_an_outage_in_a_share_opens_the_circuit_after_the_last_try(
    scene: Shares, monkeypatch: pytest.MonkeyPatch, final: bool
) -> None:
    run = await scene.staged(scene.make_run(), *records())
    monkeypatch.setattr("airflow_integrations.transform.map.Map.apply", _raises(OutageError("away")))
    with pytest.raises(OutageError, match="away"):
        await scene.push(run, 1, final=final)
    assert route_state(scene.services.ledger, "orders").outages == final


def _raises(error: Exception) -> Callable[..., Any]:
    async def apply(*_: Any) -> Any:
        raise error

    return apply


async def test_a_stop_ends_a_share_and_the_next_attempt_starts_it_over(scene: Shares) -> None:
    run = await scene.staged(scene.make_run(), *records())
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(OutageError, match="asked to stop while it transformed"):
        await push(run, scene.services, scene.staging(run), stop, part=1, final=True)
    assert route_state(scene.services.ledger, "orders").outages == 0
    await all_parts(scene, run)
    assert sorted(sent(), key=int) == [str(n) for n in WANTED]


async def test_transform_that_is_cleared_starts_all_shares_over_and_sends_nothing_twice(scene: Shares) -> None:
    run = await scene.staged(scene.make_run(), *records())
    await all_parts(scene, run)
    await scene.books(run)
    first = sent()
    await transform(run, scene.services, scene.staging(run), spread=2)
    for part in (0, 1):
        await push(run, scene.services, scene.staging(run), part=part, final=True)
    assert sent() == []
    assert (await scene.books(run))[0] == f"60 fetched = {len(first)} unchanged + 12 filtered + 7 rejected"


async def test_a_field_that_only_one_share_lacks_is_no_warning(scene: Shares, caplog: pytest.LogCaptureFixture) -> None:
    run = scene.make_run(route={"transform": [{"set": {"a": "order.rare", "b": "order.never"}}]})
    await scene.staged(run, *(order(n, **({"rare": 1} if n == 7 else {})) for n in range(60)))
    with caplog.at_level(logging.WARNING):
        await all_parts(scene, run)
        await scene.books(run)
    told = [record.getMessage() for record in caplog.records if "no entity of this run" in record.getMessage()]
    assert told == ["transform.0.set reads order.never, which no entity of this run has"]


async def test_a_dry_run_of_parts_transforms_and_sends_nothing(scene: Shares) -> None:
    run = await scene.staged(scene.make_run(dry_run=True), *records())
    await all_parts(scene, run)
    assert sent() == []
    assert (await scene.books(run))[0] == f"60 fetched = 12 filtered + 7 rejected + {len(WANTED)} skipped"
    assert places(scene.services.ledger, "orders", ["1", "2", "7"]) == {}


async def test_a_part_at_work_keeps_its_run_from_being_closed_before_it_has_reserved_anything(
    scene: Shares, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await scene.staged(scene.make_run(), *records())
    ledger, ref = scene.services.ledger, await run_ref(run, scene.services, scene.staging(run))
    reserve(ledger, ref, ["2", "3"], first=0, lease_until=clock.now + 300, now=clock.now)
    clock.now += 400
    assert [lapsed.run.id for lapsed in lapsed_runs(ledger, "orders", clock.now)] == [ref.id]
    (dead,) = lapsed_runs(ledger, "orders", clock.now)
    seen: list[Any] = []

    async def apply(self: Any, batch: list[Any], fates: Any) -> list[Any]:
        if not seen:
            seen.append(lapsed_runs(ledger, "orders", clock.now))
            seen.append(await adopt(dead, scene.services))
        return batch

    monkeypatch.setattr("airflow_integrations.transform.map.Map.apply", apply)
    await scene.push(run, 1)
    assert seen == [[], False]
    assert lapsed_runs(ledger, "orders", clock.now), "it has ended, and the other one is still dead"


async def test_a_part_does_not_begin_while_somebody_closes_the_books(scene: Shares, clock: Clock) -> None:
    run = await scene.staged(scene.make_run(), *records())
    staging = scene.staging(run)
    ref = await run_ref(run, scene.services, staging)
    reserve(scene.services.ledger, ref, ["2"], first=0, lease_until=clock.now + 300, now=clock.now)
    clock.now += 400
    (dead,) = lapsed_runs(scene.services.ledger, "orders", clock.now)
    assert await adopt(dead, scene.services)
    with pytest.raises(OutageError, match="books are being closed"):
        await scene.push(run, 1)
    clock.now += 400
    assert isinstance(dead, Lapsed)
    assert await recover(run.route, dead, scene.services, staging) is not None
    await all_parts(scene, run)
    assert sorted(sent(), key=int) == [str(n) for n in WANTED]


async def test_a_part_renews_what_says_that_it_is_at_work(
    scene: Shares, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_at_work, "RENEWED_AFTER", 0)
    run = await scene.staged(scene.make_run(), *records())
    ledger, ref = scene.services.ledger, await run_ref(run, scene.services, scene.staging(run))
    reserve(ledger, ref, ["2"], first=0, lease_until=clock.now + 300, now=clock.now)
    renewed = asyncio.Event()

    def noted(*given: Any, **named: Any) -> None:
        renew_announcement(*given, **named)
        if named["lease_until"] > clock.now:
            loop.call_soon_threadsafe(renewed.set)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(part_at_work, "renew_announcement", noted)

    async def apply(self: Any, batch: list[Any], fates: Any) -> list[Any]:
        clock.now += 1000
        renewed.clear()
        await renewed.wait()
        await renewed.wait()
        assert lapsed_runs(ledger, "orders", clock.now) == []
        return batch

    monkeypatch.setattr("airflow_integrations.transform.map.Map.apply", apply)
    await scene.push(run, 1)


async def test_a_backfill_of_parts_is_its_own_window_and_moves_nothing(scene: Shares) -> None:
    run = await scene.staged(scene.make_run(kind="backfill", route=SCHEDULED), *records())
    await all_parts(scene, run)
    assert sorted(sent(), key=int) == [str(n) for n in WANTED]
    assert (await scene.books(run))[0] == f"60 fetched = {len(WANTED)} delivered + 12 filtered + 7 rejected"
    assert route_state(scene.services.ledger, "orders").mark is None
