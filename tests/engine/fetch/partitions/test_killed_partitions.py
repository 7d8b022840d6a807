"""A run in partitions that is killed anywhere, in any of its tasks, delivers every entity once."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from partition_scene import PLACES, TASKS, Parted, PartedIncoming, delivered

from airflow_integrations.engine.fetch import at_work
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.staging.folder import Staging

PAGES = {place: [[{"number": f"{place}-{page}"}] for page in range(2)] for place in PLACES}
KEYS = sorted(f"{place}-{page}" for place in PLACES for page in range(2))


class Killed(BaseException):
    """No handler of the engine sees it, as where a process dies."""


class Reaper:
    """Kills whoever comes to the ``at``-th moment: a request, or a file before or after it is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at, self.moments = 0, 0
        write = Staging.write

        def written(staging: Staging, name: str, content: bytes) -> None:
            self.moment()
            write(staging, name, content)
            self.moment()

        monkeypatch.setattr(Staging, "write", written)
        monkeypatch.setattr(at_work, "COMMIT_SECONDS", 0.0)
        PartedIncoming.before = lambda place, number: self.moment()

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Killed


async def again(work: Callable[[], Any]) -> Any:
    """As a scheduler does: a task that died is started once more."""
    try:
        return await work()
    except Killed:
        return await work()


async def whole(scene: Parted, run_id: str) -> list[str]:
    run = scene.run(run_id)
    await again(lambda: scene.plan(run))
    for task in range(TASKS):
        await again(partial(scene.fetch, run, task))
    lines: list[str] = await again(lambda: scene.finish(run))
    return lines


def put(scene: Parted, record: Any) -> None:
    event = NewEvent(route="orders", event_id=uuid.uuid4().hex, body=json.dumps([record]).encode(), source="webhook")
    scene.services.ledger.inbox.put([event], scene.services.now())


async def moments(scene: Parted, reaper: Reaper) -> int:
    put(scene, {"number": "event"})
    await whole(scene, "not-killed")
    delivered()
    return reaper.moments


async def test_a_run_that_is_killed_at_any_moment_loses_and_doubles_nothing(
    scene: Parted, monkeypatch: pytest.MonkeyPatch
) -> None:
    reaper = Reaper(monkeypatch)
    PartedIncoming.pages_of = PAGES
    count = await moments(scene, reaper)
    assert count > 50
    for at in range(1, count + 1):
        # other content each time, so that everything has to be sent
        PartedIncoming.pages_of = {
            place: [[record | {"state": at} for record in page] for page in pages] for place, pages in PAGES.items()
        }
        put(scene, {"number": "event", "state": at})
        reaper.at, reaper.moments = at, 0
        lines = await whole(scene, f"run-{at}")
        assert lines[0].startswith("7 fetched = "), (at, lines)
        sent = delivered()
        assert sorted(sent) == sorted((key, at) for key in (*KEYS, "event")), at
        assert scene.services.ledger.inbox.waiting(scene.services.now()) == []


async def test_two_tasks_that_end_at_the_same_time_and_one_that_is_killed_hinder_nobody(
    scene: Parted, monkeypatch: pytest.MonkeyPatch
) -> None:
    PartedIncoming.pages_of = PAGES
    for at in range(1, 31, 3):
        run = scene.run(f"run-{at}")
        await scene.plan(run)
        with monkeypatch.context() as patched:
            Reaper(patched).at = at
            await asyncio.gather(*(again(partial(scene.fetch, run, task)) for task in range(TASKS)))
        assert (await scene.finish(run))[0].startswith("6 fetched = 6 ")
        sent = delivered()
        assert len(sent) == (len(KEYS) if at == 1 else 0)


async def test_a_partition_that_starts_over_and_is_killed_mixes_no_two_readings(
    scene: Parted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source does not go on from the saved place, and has other records when it is read from its beginning."""
    trouble: list[Exception] = [OutageError("away"), AnswerError("the place is not known any more")]

    def before(place: str, page: int) -> None:
        if (place, page) == ("madrid", 1) and trouble:
            raise trouble.pop(0)

    PartedIncoming.pages_of, PartedIncoming.before = {"madrid": [[{"number": 1}], [{"number": 2}]]}, before
    run, write = scene.run(), Staging.write
    await scene.plan(run)
    with pytest.raises(OutageError):
        await scene.fetch(run, 0)
    PartedIncoming.pages_of = {"madrid": [[{"number": 1}, {"number": 3}, {"number": 4}], [{"number": 2}]]}

    def killed(staging: Staging, name: str, content: bytes) -> None:
        write(staging, name, content)
        if ".zst" in name:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Staging, "write", killed)
        with pytest.raises(Killed):
            await scene.fetch(run, 0)
    for task in range(TASKS):
        await scene.fetch(run, task)
    assert (await scene.finish(run)) == ["4 fetched = 4 delivered"]
