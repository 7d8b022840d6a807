"""A run whose partitions are fetched by several tasks: one fetch, one cursor, one balance."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_kinds import Clock
from partition_scene import PLACES, Parted, PartedIncoming, delivered

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan
from airflow_integrations.engine.fetch.staged_payloads import payload_of
from airflow_integrations.engine.run_progress import run_progress
from airflow_integrations.engine.settle.settle import problems
from airflow_integrations.errors import AnswerError, OutageError, RunError
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.run import Services

ALL = {place: [[{"number": f"{place}-{page}{n}"} for n in range(2)] for page in range(3)] for place in PLACES}
KEYS = sorted(record["number"] for pages in ALL.values() for page in pages for record in page)
HOUR = 3600
DATES = {"cursor": {"field": "changed", "param": "since"}}


def broken(place: str, page: int, error: type[Exception] = OutageError) -> None:
    def before(asked: Any, number: int) -> None:
        if (asked, number) == (place, page):
            raise error(f"{place} is away")

    PartedIncoming.before = before


def mended() -> None:
    PartedIncoming.before = lambda place, number: None
    PartedIncoming.asked = []


async def test_partitions_of_several_tasks_are_one_fetch(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    run = scene.run()
    planned = await scene.plan(run)
    assert (planned.complete, planned.partitions, planned.fetch_tasks, PartedIncoming.asked) == (False, 3, 2, [])
    await asyncio.gather(scene.fetch(run, 1), scene.fetch(run, 0))
    assert await scene.finish(run) == ["18 fetched = 18 delivered"]
    assert sorted(key for key, _ in delivered()) == KEYS
    assert sorted(PartedIncoming.asked) == sorted((place, page) for place in PLACES for page in range(3))
    fetched = scene.staging(run).manifest("fetch")
    assert fetched is not None
    assert (fetched.complete, fetched.counts["fetched"], fetched.entities) == (True, 18, 18)
    assert route_state(scene.services.ledger, "orders").mark is None or fetched.window[1]


async def test_entities_go_in_the_order_of_the_partitions(scene: Parted) -> None:
    PartedIncoming.pages_of = {place: [[{"number": 1, "state": place}]] for place in PLACES}
    run = scene.run()
    await scene.plan(run)
    for task in (1, 0):
        await scene.fetch(run, task)
    assert (await scene.finish(run))[0].startswith("3 fetched = ")
    assert delivered()[-1] == ("1", "berlin")


async def test_without_tasks_for_them_partitions_are_fetched_one_after_the_other(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    broken("paris", 1)
    run = scene.run()
    with pytest.raises(OutageError):
        await fetch(run, scene.services, scene.staging(run))
    mended()
    manifest = await fetch(run, scene.services, scene.staging(run))
    assert (manifest.complete, manifest.partitions, manifest.counts["fetched"]) == (True, 0, 18)
    assert PartedIncoming.asked[0] == ("paris", 1)
    assert await scene.finish(run) == ["18 fetched = 18 delivered"]


@pytest.mark.parametrize("asked", [{"limit": 4}, {"entities": ({"number": 7},)}, {"events": True}], ids=str)
async def test_a_run_of_a_part_is_fetched_by_one_task(scene: Parted, asked: Any) -> None:
    PartedIncoming.pages_of = ALL
    manifest = await scene.plan(scene.run(**asked))
    assert (manifest.complete, manifest.partitions) == (True, 0)


async def test_a_retry_asks_only_for_the_partition_that_failed(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    broken("paris", 2)
    run = scene.run()
    await scene.plan(run)
    await scene.fetch(run, 0)
    with pytest.raises(OutageError):
        await scene.fetch(run, 1)
    mended()
    for task in (0, 1):
        await scene.fetch(run, task)
    assert PartedIncoming.asked == [("paris", 2)]
    assert await scene.finish(run) == ["18 fetched = 18 delivered"]


async def test_a_saved_place_is_trusted_for_an_hour_and_what_is_whole_stays(scene: Parted, clock: Clock) -> None:
    PartedIncoming.pages_of = ALL
    broken("berlin", 2)
    run = scene.run()
    await scene.plan(run)
    with pytest.raises(OutageError):
        await scene.fetch(run, 0)
    clock.now += HOUR + 1
    mended()
    await scene.fetch(run, 0)
    assert PartedIncoming.asked == [("berlin", 0), ("berlin", 1), ("berlin", 2)]
    await scene.fetch(run, 1)
    assert await scene.finish(run) == ["18 fetched = 18 delivered"]


async def test_an_answer_that_cannot_be_used_spoils_one_partition(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    broken("madrid", 0, AnswerError)
    run = scene.run()
    await scene.plan(run)
    with pytest.raises(AnswerError, match="madrid"):
        await scene.fetch(run, 0)
    assert PartedIncoming.asked == [("berlin", page) for page in range(3)]
    mended()
    await scene.fetch(run, 0)
    assert PartedIncoming.asked == [("madrid", page) for page in range(3)]


async def test_a_run_that_lacks_a_partition_goes_no_further_and_says_which(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL | {"madrid": [[{"number": "m", "changed": "2026-01-01T00:00:00Z"}, {"no": "key"}]]}
    broken("paris", 1)
    run = scene.run(incoming=DATES)
    await scene.plan(run)
    await scene.fetch(run, 0)
    with pytest.raises(OutageError):
        await scene.fetch(run, 1)
    with pytest.raises(
        RunError, match=r"1 of 3 partitions \(2\) were not fetched as a whole: clear fetch_2 of this run"
    ):
        await scene.finish(run)
    assert run_progress(scene.staging(run)) == "running, fetch 9"
    balance, verdict = await scene.books(run)
    assert balance == "10 fetched = 1 rejected + 9 pending"
    assert verdict.startswith("fetch was not finished")
    state = route_state(scene.services.ledger, "orders")
    assert (state.mark, state.cursor, state.newest) == (None, None, None)
    mended()
    await scene.fetch(run, 1)
    assert (await scene.finish(run))[0] == "14 fetched = 13 delivered + 1 rejected"


async def test_rejected_entities_are_found_in_whichever_partition_they_came(scene: Parted) -> None:
    PartedIncoming.pages_of = {p: [[{"number": p}, {"number": f"bad {p}", "x": object()}]] for p in PLACES}
    bad = [f"bad {place}" for place in PLACES]
    run, ledger = scene.run(), scene.services.ledger
    await scene.plan(run)
    for task in (0, 1):
        await scene.fetch(run, task)
    assert places(ledger, "orders", bad) == {}, "their places are known when all partitions are"
    assert (await scene.finish(run))[0] == "6 fetched = 3 delivered + 3 rejected"
    assert sorted(problem.key for problem in problems(scene.staging(run))) == sorted(bad)
    for key in bad:
        (found,) = places(ledger, "orders", [key]).values()
        assert found.ref is not None
        assert payload_of(scene.staging(run), key, found.ref) is not None


async def test_a_plan_that_is_cleared_within_the_hour_keeps_what_was_fetched(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    run = scene.run()
    await scene.plan(run)
    await scene.fetch(run, 0)
    mended()
    await scene.plan(run)
    for task in (0, 1):
        await scene.fetch(run, task)
    assert {place for place, _ in PartedIncoming.asked} == {"paris"}
    assert await scene.finish(run) == ["18 fetched = 18 delivered"]


async def test_a_plan_for_another_number_of_tasks_does_not_stay(scene: Parted, clock: Clock) -> None:
    """Else partitions would be left to tasks that the route no longer has."""
    PartedIncoming.pages_of = ALL
    run = scene.run()
    planned = await fetch_or_plan(run, scene.services, scene.staging(run), tasks=3)
    assert planned.fetch_tasks == 3
    clock.now += 1
    assert await scene.whole(run) == ["18 fetched = 18 delivered"]


async def test_a_run_that_is_cleared_fetches_everything_again_and_sends_nothing_twice(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    run = scene.run()
    await scene.whole(run)
    delivered()
    mended()
    assert await scene.whole(run) == ["18 fetched = 18 unchanged"]
    assert len(PartedIncoming.asked) == 9
    assert delivered() == []


async def test_a_task_that_is_cleared_alone_uses_what_is_staged(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    run = scene.run()
    await scene.whole(run)
    mended()
    assert await scene.fetch(run, 1) == []
    assert PartedIncoming.asked == []
    assert await scene.finish(run) == ["18 fetched = 18 unchanged"]


async def test_an_edited_route_begins_anew_and_mixes_no_partitions(scene: Parted) -> None:
    PartedIncoming.pages_of = ALL
    run = scene.run()
    await scene.plan(run)
    await scene.fetch(run, 0)
    edited = scene.run(route={"entity": {"name": "order", "key": "order.number", "version": "order.v"}})
    with pytest.raises(RunError, match="changed since this run began: clear the task fetch"):
        await scene.fetch(edited, 1)
    scene.services.now.now += 1  # type: ignore[attr-defined]
    mended()
    await scene.plan(edited)
    await scene.fetch(edited, 1)
    with pytest.raises(RunError, match=r"2 of 3 partitions \(1, 3\)"):
        await scene.finish(edited)
    await scene.fetch(edited, 0)
    assert len(PartedIncoming.asked) == 9


async def test_partitions_of_an_earlier_plan_do_not_count(scene: Parted, clock: Clock) -> None:
    """A task that was given up writes its manifest when the run has begun anew."""
    PartedIncoming.pages_of = ALL
    run = scene.run()
    await scene.plan(run)
    await scene.fetch(run, 0)
    late = scene.staging(run).manifest("fetch", 1)
    assert late is not None
    clock.now += HOUR + 1
    await scene.plan(run)
    scene.staging(run).save(late)
    await scene.fetch(run, 1)
    with pytest.raises(RunError, match=r"\(1, 3\)"):
        await scene.finish(run)
    await scene.fetch(run, 0)
    assert await scene.finish(run) == ["18 fetched = 18 delivered"]


async def test_tasks_beyond_the_partitions_have_nothing_to_do(scene: Parted) -> None:
    run = scene.run()
    await scene.plan(run)
    assert await scene.fetch(run, 5) == []


async def test_a_run_that_was_not_planned_is_refused(scene: Parted) -> None:
    run = scene.run()
    with pytest.raises(RunError, match="has planned no partitions"):
        await scene.fetch(run, 0)


async def test_the_cursor_is_what_every_partition_had_before_its_first_request(scene: Parted, clock: Clock) -> None:
    """Paris is fetched later: what it has that is newer than the others' fetch may have come after they were asked."""
    PartedIncoming.pages_of = {
        "madrid": [[_at("m", "2027-01-14T00:00:00Z")], [_at("m2", "2027-01-15T07:59:00Z")]],
        "berlin": [[_at("b", "2027-01-13T00:00:00Z")], [_at("b2", "2027-01-15T07:59:00Z")]],
    }
    run = scene.run(incoming=DATES)
    await scene.plan(run)
    await scene.fetch(run, 0)
    clock.now += 3 * HOUR
    PartedIncoming.pages_of["paris"] = [[_at("p", "2027-01-15T09:00:00Z")], [_at("p2", "2027-01-15T10:59:00Z")]]
    await scene.fetch(run, 1)
    await scene.finish(run)
    state = route_state(scene.services.ledger, "orders")
    assert state.cursor == "2027-01-13T00:00:00Z"
    assert state.newest == "2027-01-15T10:59:00Z"
    clock.now += HOUR
    PartedIncoming.pages_of = {}
    await scene.whole(scene.run("run-2", incoming=DATES))
    assert route_state(scene.services.ledger, "orders").cursor == "2027-01-15T10:59:00Z"


@pytest.mark.parametrize(("reading", "cursors"), [("apart", [None, "9"]), ("ordered", ["7", "9"])])
async def test_numbers_become_the_cursor_as_far_as_the_kind_can_be_trusted(
    scene: Parted, reading: str, cursors: list[str | None]
) -> None:
    PartedIncoming.pages_of = {place: [[{"number": place, "changed": n}]] for n, place in enumerate(PLACES, 7)}
    for run_id, expected in zip(("run-1", "run-2"), cursors, strict=True):
        await scene.whole(scene.run(run_id, incoming=DATES | {"cursor_reading": reading}))
        PartedIncoming.pages_of = {place: [[{"number": place, "changed": 9}]] for place in PLACES}
        assert route_state(scene.services.ledger, "orders").cursor == expected


async def test_a_partition_that_never_has_anything_does_not_hold_the_cursor_back(scene: Parted) -> None:
    cursors = []
    for number in (1, 2, 3, 4):
        PartedIncoming.pages_of = {"madrid": [[{"number": f"m{number}", "changed": number}]]}
        await scene.whole(scene.run(f"run-{number}", incoming=DATES))
        cursors.append(route_state(scene.services.ledger, "orders").cursor)
    assert cursors == [None, "1", "2", "3"]


async def test_partitions_one_after_the_other_are_not_read_at_one_moment(scene: Parted) -> None:
    PartedIncoming.pages_of = {place: [[{"number": place, "changed": n}]] for n, place in enumerate(PLACES, 7)}
    run = scene.run(incoming=DATES | {"cursor_reading": "ordered"})
    fetched = await fetch(run, scene.services, scene.staging(run))
    assert (fetched.cursor, fetched.newest) == (None, "9")


async def test_a_field_is_missing_only_where_no_partition_has_it(scene: Parted) -> None:
    PartedIncoming.pages_of = {
        place: [[{"number": place} | ({"changed": "2026-01-01T00:00:00Z"} if place == "paris" else {"other": 1})]]
        for place in PLACES
    }
    run = scene.run(incoming=DATES)
    await scene.whole(run)
    fetched = scene.staging(run).manifest("fetch")
    assert fetched is not None
    assert fetched.warnings == []
    PartedIncoming.pages_of = {place: [[{"number": place}]] for place in PLACES}
    run = scene.run("run-2", incoming=DATES)
    await scene.whole(run)
    fetched = scene.staging(run).manifest("fetch")
    assert fetched is not None
    assert len(fetched.warnings) == 1
    assert "which no record of this run has" in fetched.warnings[0]


async def test_what_earlier_runs_left_open_goes_with_a_planned_run(
    scene: Parted, services: Services, clock: Clock
) -> None:
    from engine_kinds import MemoryOutgoing, all_delivered
    from push_scene import away

    PartedIncoming.pages_of = {"madrid": [[{"number": 1, "state": "old"}]]}
    MemoryOutgoing.answer = away
    assert (await scene.whole(scene.run()))[0] == "1 fetched = 1 retrying"
    MemoryOutgoing.answer = all_delivered
    clock.now += HOUR
    PartedIncoming.pages_of = ALL
    assert await scene.whole(scene.run("run-2")) == ["18 fetched + 1 carried in = 19 delivered"]
    assert ("1", "old") in delivered()


async def test_events_of_a_run_that_lacks_a_partition_wait_again(scene: Parted) -> None:
    from airflow_integrations.ledger.inbox.event_rows import NewEvent

    inbox, now = scene.services.ledger.inbox, scene.services.now
    inbox.put([NewEvent(route="orders", event_id="e-1", body=b'[{"number": "event"}]', source="webhook")], now())
    PartedIncoming.pages_of = ALL
    broken("paris", 0)
    run = scene.run()
    assert (await scene.plan(run)).events == 1
    await scene.fetch(run, 0)
    with pytest.raises(OutageError):
        await scene.fetch(run, 1)
    assert await scene.books(run) == ["13 fetched = 13 pending", "fetch was not finished: 13 entities are pending"]
    assert len(inbox.waiting(now())) == 1
    mended()
    assert await scene.whole(scene.run("run-2")) == ["19 fetched = 19 delivered"]
    assert inbox.waiting(now()) == []


def _at(key: str, changed: str) -> dict[str, str]:
    return {"number": key, "changed": changed}
