"""Cursors and slices: what the source is asked for, and what the next run begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.cursor.watch import newer_than
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.windows import as_fetched, settled_window
from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.ledger.runs.checkpoints import set_cursor
from airflow_integrations.ledger.runs.runs import find_run, finish_run
from airflow_integrations.route import registry
from airflow_integrations.route.incremental import Cursor
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

MakeRun = Callable[..., Run]


class AskedIncoming(MemoryIncoming):
    """Also remembers with what it was asked."""

    class Config(MemoryIncoming.Config):
        cursor: Cursor | None = None
        cursor_reading: ClassVar[str] = "pages"

    runs: ClassVar[list[Run]] = []

    def pages(self, run: Run, services: Services, resume: Any = None) -> Any:
        type(self).runs.append(run)
        return super().pages(run, services, resume)


@pytest.fixture(autouse=True)
def asked_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "asked", f"{__name__}:AskedIncoming")
    AskedIncoming.runs = []
    AskedIncoming.pages_to_give, AskedIncoming.before, AskedIncoming.asked = [], lambda number: None, []


@dataclass
class Case:
    options: dict[str, Any]
    saved: str | None
    asked: str | None


@pytest.mark.parametrize(
    "case",
    [
        Case({}, None, None),
        Case({"initial": 5}, None, "5"),
        Case({"initial": datetime(2026, 1, 1, tzinfo=UTC)}, None, "2026-01-01T00:00:00Z"),
        Case({}, "2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00"),
        Case({"lag": "2m"}, "2026-01-01T00:02:00Z", "2026-01-01T00:00:00Z"),
        Case({"lag": "2m"}, "2026-01-01 00:02:00", "2026-01-01 00:00:00"),
        Case({"lag": 10}, "12", "2"),
        Case({"lag": 10}, "7", "0"),
    ],
)
def test_what_the_source_is_asked_for(case: Case) -> None:
    assert newer_than(Cursor(field="at", param="since", **case.options), case.saved) == case.asked


@pytest.mark.parametrize(("lag", "saved"), [("2m", "12"), (3, "2026-01-01T00:00:00Z"), (3, "abc")])
def test_a_lag_that_does_not_fit(lag: Any, saved: str) -> None:
    with pytest.raises(AnswerError, match="lag"):
        newer_than(Cursor(field="at", param="since", lag=lag), saved)


ROUTE = {"incoming": {"asked": {"cursor": {"field": "at", "param": "since"}}}}


def settle(run: Run, services: Services, staging: Staging) -> None:
    """What the engine's settle tells the ledger of a run that came to its end."""
    manifest, ref = staging.manifest("fetch"), find_run(services.ledger, "orders", run.run_id)
    assert manifest is not None
    assert ref is not None
    finish_run(
        services.ledger,
        ref,
        counts={},
        seconds={},
        verdict=None,
        bytes=0,
        covered=Window.parse(*manifest.window),
        cursor=manifest.cursor,
        newest=manifest.newest,
        now=services.now(),
    )


async def test_the_next_run_asks_for_what_is_newer(make_run: MakeRun, services: Services, tmp_path: Path) -> None:
    AskedIncoming.pages_to_give = [[{"number": 2, "at": 9}, {"number": 3, "at": 7}], [{"number": 1, "at": 5}]]
    first, staging = make_run(route=ROUTE), Staging(tmp_path, "orders", "run-1")
    assert (await fetch(first, services, staging)).cursor == "9"
    settle(first, services, staging)
    second = make_run(route=ROUTE, run_id="run-2")
    AskedIncoming.pages_to_give = [[]]
    manifest = await fetch(second, services, Staging(tmp_path, "orders", "run-2"))
    assert (manifest.since, manifest.cursor) == ("9", "9")
    assert [run.cursor for run in AskedIncoming.runs] == [None, "9"]
    assert as_fetched(second, Staging(tmp_path, "orders", "run-2")).cursor == "9"
    for part in ({"keys": frozenset("1")}, {"explicit": True}, {"kind": "backfill"}):
        again = await fetch(make_run(route=ROUTE, run_id="p", **part), services, Staging(tmp_path, "orders", "p"))
        assert (again.since, again.cursor) == (None, None), "older ones were asked for, and the cursor stays"


SLICED = {
    "incoming": {"asked": {}},
    "schedule": {"cron": "@daily", "start": "2026-01-01"},
    "window": {"initial": "2025-12-30", "slice": "1d"},
}


async def test_a_long_window_is_fetched_in_pieces_and_goes_on_in_the_piece_where_it_broke_off(
    make_run: MakeRun, services: Services, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.staging.segment_writer.SEGMENT_ENTITIES", 1)
    AskedIncoming.pages_to_give = [[{"number": 1}], [{"number": 2}]]
    run = make_run(route=SLICED, kind="scheduled")

    def outage(number: int) -> None:
        if len(AskedIncoming.asked) == 3:
            raise OutageError("the shop is away")

    AskedIncoming.before = outage
    with pytest.raises(OutageError):
        await fetch(run, services, staging)
    assert staging.manifest("fetch").resume == {"slice": 1, "page": 1}  # type: ignore[union-attr]
    AskedIncoming.before, AskedIncoming.asked = lambda number: None, []
    manifest = await fetch(run, services, staging)
    assert AskedIncoming.asked == [1, 0, 1]
    assert manifest.counts["fetched"] == 6
    days = [run.window.start.day for run in AskedIncoming.runs]
    assert days == [30, 31, 31, 1]
    assert all(run.window.end.day == run.window.start.day % 31 + 1 for run in AskedIncoming.runs)
    assert all(asked.interval == run.window for asked in AskedIncoming.runs), "ds stays that of the run"
    assert settled_window(staging) == Window(datetime(2025, 12, 30, tzinfo=UTC), run.window.end)


async def test_the_window_of_a_run_is_decided_once(make_run: MakeRun, services: Services, tmp_path: Path) -> None:
    AskedIncoming.pages_to_give = [[{"number": 1}]]
    route = {**SLICED, "window": {"overlap": "1h"}}
    day = [datetime(2026, 1, number, tzinfo=UTC) for number in (1, 2, 3, 4)]
    runs = [
        make_run(route=route, kind="scheduled", run_id=f"run-{n}", window=Window(day[n], day[n + 1])) for n in range(3)
    ]
    places = [Staging(tmp_path, "orders", run.run_id) for run in runs]
    await fetch(runs[0], services, places[0])
    settle(runs[0], services, places[0])
    await fetch(runs[2], services, places[2])
    assert settled_window(places[2]) == Window(day[1].replace(day=1, hour=23), day[3])
    settle(runs[2], services, places[2])
    await fetch(runs[1], services, places[1])
    assert settled_window(places[1]) == runs[1].window, "an old run: exactly its interval"
    await fetch(runs[2], services, places[2])
    assert settled_window(places[2]) == Window(day[1].replace(day=1, hour=23), day[3]), "cleared: the same again"


async def test_a_fetch_tells_of_a_saved_cursor_in_the_future(
    make_run: MakeRun, services: Services, tmp_path: Path
) -> None:
    AskedIncoming.pages_to_give = [[{"number": 1, "at": "2026-01-01T00:00:00Z"}]]
    first, staging = make_run(route=ROUTE), Staging(tmp_path, "orders", "run-1")
    await fetch(first, services, staging)
    settle(first, services, staging)
    set_cursor(services.ledger, "orders", "2999-01-01T00:00:00Z", "somebody", services.now())
    AskedIncoming.pages_to_give = [[]]
    manifest = await fetch(make_run(route=ROUTE, run_id="run-2"), services, Staging(tmp_path, "orders", "run-2"))
    assert (manifest.since, manifest.cursor) == ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    assert "it lies in the future" in manifest.warnings[0]
