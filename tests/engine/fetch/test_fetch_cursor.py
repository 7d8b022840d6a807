"""Cursors and slices: what the source is asked for, and what the next run begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from engine_kinds import MemoryIncoming

from airflow_integrations.engine.fetch.cursor import CursorWatch, newer_than
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

    runs: ClassVar[list[Run]] = []

    def pages(self, run: Run, services: Services, resume: Any = None) -> Any:
        type(self).runs.append(run)
        return super().pages(run, services, resume)


@pytest.fixture(autouse=True)
def asked_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "asked", f"{__name__}:AskedIncoming")
    AskedIncoming.runs = []
    AskedIncoming.pages_to_give, AskedIncoming.before, AskedIncoming.asked = [], lambda number: None, []


def watched(values: list[Any], saved: str | None = None) -> str | None:
    watch = CursorWatch(Cursor(field="at", param="since"), saved)
    for value in values:
        watch.see([{"at": value}])
    return watch.value


@pytest.mark.parametrize(
    ("values", "greatest"),
    [
        ([9, 10, Decimal("9.5")], "10"),
        ([10**30, 5], str(10**30)),
        (["2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z"], "2026-01-01T09:00:00Z"),
        (["2026-01-01T10:00:00.000000001Z", "2026-01-01T10:00:00.000000002Z"], "2026-01-01T10:00:00.000000002Z"),
        (["2026-01-01 10:00:00", "2026-01-01 09:59:59"], "2026-01-01 10:00:00"),
        (["9", "10"], "10"),
        (["00a", "00b"], "00b"),
        (["10", "1a"], "1a"),
        ([None, 3], "3"),
        ([], None),
    ],
)
def test_the_greatest_value_counts_as_what_it_is(values: list[Any], greatest: str | None) -> None:
    assert watched(values) == greatest


def test_it_never_falls_below_the_old_one() -> None:
    assert watched([9], "10") == watched(["9"], "10") == "10"
    assert watched([11], "10") == "11"
    assert watched(["2025-01-01T00:00:00Z"], "2026-01-01T00:00:00Z") == "2026-01-01T00:00:00Z"
    assert watched([], "b") == "b"


@pytest.mark.parametrize(
    ("values", "saved"),
    [
        ([1, "2026-01-01T00:00:00Z"], None),
        (["2026-01-01T00:00:00Z", "x"], None),
        ([1, "x"], None),
        ([1], "x"),
        ([{}], None),
    ],
)
def test_a_mix_of_types_is_an_error_that_says_so(values: list[Any], saved: str | None) -> None:
    with pytest.raises(AnswerError, match=r"incoming\.cursor\.field at"):
        watched(values, saved)


def test_records_that_are_still_json_are_read_in_part() -> None:
    watch = CursorWatch(Cursor(field="meta.seq", param="since"), None)
    watch.see([msgspec.Raw(b'{"meta":{"seq":7},"x":[1]}'), msgspec.Raw(b'{"meta":null}'), msgspec.Raw(b"[1]")])
    assert watch.value == "7"
    watch = CursorWatch(Cursor(field="seq", param="since"), None)
    watch.see([{"other": 1}])
    assert "which no record" in watch.warnings()[0]


@pytest.mark.parametrize("ahead", ["9999-12-31T23:59:59Z", "9999-12-31 00:00:00", "2026-02-03T00:00:01Z", "9999-12-31"])
def test_a_time_in_the_future_does_not_become_the_cursor(ahead: str) -> None:
    now = datetime(2026, 2, 2, tzinfo=UTC).timestamp()
    before = ahead.replace("9999-12-31", "2026-01-31").replace("2026-02-03", "2026-01-31")
    watch = CursorWatch(Cursor(field="at", param="since"), None, now)
    watch.see([{"at": before}, {"at": ahead}])
    assert watch.value == before
    assert ahead in watch.warnings()[0]


WRITTEN = [
    *(("20260131", "99991231"), ("20260131", "20260204"), ("202601312359", "999912312359")),
    *(("20260131235959", "99991231235959"), ("20260131235959123", "99991231235959999")),
    *(("20260131T235959Z", "99991231T235959Z"), ("20260131T235959", "99991231T235959"), ("2026-01", "9999-12")),
    *(("2026-W05", "9999-W52"), ("2026W05", "2026W07"), ("/Date(1769000000000)/", "/Date(253402300799000)/")),
    *(("2026-01-31", "22026-01-31"), ("2026-01-31T00:00:00Z", "+10000-01-01T00:00:00Z")),
]


@pytest.mark.parametrize(("before", "ahead"), WRITTEN)
@pytest.mark.parametrize("field", ["updated_at", "some"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("made", [str, int])
def test_a_time_in_the_future_is_known_however_it_is_written(
    before: str, ahead: str, field: str, first: bool, made: Any
) -> None:
    written: Any = made if ahead.isdigit() else str
    values = [written(before), written(ahead)]
    watch = watch_of(field, values[::-1] if first else values)
    assert watch.value == before
    assert ahead in watch.warnings()[0]
    watch = watch_of(field, [written(ahead)], before)
    assert watch.value == before
    assert ahead in watch.warnings()[0]


@pytest.mark.parametrize("ahead", [253_402_300_799, 253_402_300_799_000, 99991231, "99991231", 99991231235959])
def test_a_time_in_the_future_that_comes_alone_is_known_by_the_name_of_its_field(ahead: Any) -> None:
    watch = watch_of("lastModified", [ahead])
    assert watch.value is None
    assert str(ahead) in watch.warnings()[0]
    assert watch_of("some", [ahead]).value == str(ahead)


NOW = datetime(2026, 2, 2, tzinfo=UTC).timestamp()
AT = int(NOW)


def watch_of(field: str, values: list[Any], saved: str | None = None, **options: Any) -> CursorWatch:
    watch = CursorWatch(Cursor(field=field, param="since", **options), saved, NOW)
    watch.see([{field: value} for value in values])
    return watch


@pytest.mark.parametrize("ahead", [AT + 90_000, 253_402_300_799, 253_402_300_799_000])
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("made", [int, str, Decimal])
@pytest.mark.parametrize("first", [True, False])
def test_numbers_of_seconds_in_the_future_are_known_by_those_of_the_past(
    ahead: int, unit: int, made: Any, first: bool
) -> None:
    if unit == 1000 and ahead < 10**12:
        ahead = ahead * unit
    values = [made(AT * unit - 5), made(ahead), made(AT * unit + 80_000 * unit)]
    watch = watch_of("changed", values[::-1] if first else values)
    assert watch.value == str(AT * unit + 80_000 * unit)
    assert str(ahead) in watch.warnings()[0]
    watch = watch_of("changed", [made(ahead)], str(AT * unit - 5))
    assert watch.value == str(AT * unit - 5)
    assert "values in the future" in watch.warnings()[0]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("id", [AT - 5, AT + 90_000]),
        ("orderId", [AT - 5, 6_100_000_000_000]),
        ("row_version", [AT * 1000, AT * 2000]),
        ("modified", [20260105100000, 20260105100001]),
        ("docno", [20260131, 20260132, 20261231]),
        ("uSNChanged", [4 * 10**9]),
        ("lastLogonTimestamp", [133_500_000_000_000_000]),
        ("changed", [10**9 - 1, 4 * 10**9]),
        ("ticks", [638_000_000_000_000_000, 639_000_000_000_000_000]),
        ("changed", [AT * 1000, AT * 1000 + 5]),
    ],
)
def test_ids_and_other_numbers_are_no_times(field: str, values: list[int]) -> None:
    watch = watch_of(field, values)
    assert (watch.value, watch.warnings()) == (str(values[-1]), [])


@pytest.mark.parametrize(
    ("field", "saved", "told"),
    [
        ("at", "2999-01-01T00:00:00Z", "lies in the future"),
        ("at", "2999-01-01 00:00:00", "lies in the future"),
        ("at", "2999-01-01", "lies in the future"),
        ("at", "2999/01/01 00:00", "lies in the future"),
        ("updated_at", str(AT + 90_000), "lies in the future"),
        ("meta.lastModified", "253402300799000", "lies in the future"),
        ("updated_at", "99991231", "lies in the future"),
        ("updated_at", "99991231235959", "lies in the future"),
        ("at", "Jan 31, 2026", "the month is a word"),
        ("at", "2026-1-5", "one digit"),
        ("at", "31.01.2026", "before the year"),
    ],
)
def test_a_saved_cursor_that_makes_no_sense_is_told_with_its_remedy(field: str, saved: str, told: str) -> None:
    watch = CursorWatch(Cursor(field=field, param="since"), saved, NOW)
    assert watch.value == saved, "it never goes back by itself"
    (warning,) = watch.warnings()
    assert told in warning
    assert "airflow-integrations cursor set" in warning


@pytest.mark.parametrize(
    ("field", "saved"),
    [
        ("at", "2026-02-02T12:00:00+14:00"),
        ("at", "2026-02-02"),
        ("id", "253402300799"),
        ("updated_at", str(AT)),
        ("updated_at", str(AT * 1000)),
        ("updated_at", str(AT * 1_000_000)),
        ("modified", "20260105100000"),
        ("modified", "202601051000"),
        ("modified", "20260105"),
        ("at", "abc"),
    ],
)
def test_a_saved_cursor_that_makes_sense(field: str, saved: str) -> None:
    assert CursorWatch(Cursor(field=field, param="since"), saved, NOW).warnings() == []


@pytest.mark.parametrize(
    ("initial", "saved"), [(5, "abc"), (5, "2026-01-01T00:00:00Z"), (datetime(2026, 1, 1, tzinfo=UTC), "5"), ("b", "5")]
)
def test_a_saved_cursor_of_another_kind_than_the_initial_one_is_told(initial: Any, saved: str) -> None:
    watch = CursorWatch(Cursor(field="at", param="since", initial=initial), saved, NOW)
    assert "cursor.initial" in watch.warnings()[0]


def test_what_an_attempt_that_broke_off_has_seen_counts_as_seen() -> None:
    cursor = Cursor(field="changed", param="since")
    watch = CursorWatch(cursor, str(AT - 100), NOW, staged="253402300799")
    watch.see([{"changed": AT - 50}])
    assert watch.value == str(AT - 50)
    assert CursorWatch(cursor, "5", NOW, staged="9").value == "9"


@pytest.mark.parametrize(
    "text",
    [
        *("2026-1-5", "2026-01-5", "2026/1/05", "2026.10.5 10:00", "2026-1-15", "2026-01-05 9:05"),
        *("2026-01-05 09:05 PM", "2026-01-05T09:05:00 a.m."),
    ],
)
def test_dates_without_leading_zeros_or_with_half_days_are_told(text: str) -> None:
    with pytest.raises(AnswerError, match=r"order as texts is not that of the days: (a month|the hours)"):
        watched([text])


@pytest.mark.parametrize(
    "text",
    [
        *("2026-10-15", "2026-01-05", "2026/01/05", "2026-1", "2026-01-05 10:05", "1.2", "v1.2"),
        *("20260131", "mar 1x", "janet-12", "sat 2"),
    ],
)
def test_texts_that_order_as_what_they_stand_for(text: str) -> None:
    assert watched([text]) == text


@pytest.mark.parametrize(
    "text",
    [
        *("31/01/2026", "1.2.2026 10:00", "31-01-26", "Sat, 31 Jan 2026 10:00:00 +0100", "Jan 31, 2026"),
        *("January 31 2026", "Sat Jan 31 10:00:00 2026", "2026-Jan-31", "Sat 2026-01-31", "31012026", "01312026"),
    ],
)
def test_dates_that_do_not_order_as_texts_are_told(text: str) -> None:
    with pytest.raises(AnswerError, match="order as texts"):
        watched([text])


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
    end = Window.parse(*manifest.window).end
    finish_run(
        services.ledger,
        ref,
        counts={},
        seconds={},
        verdict=None,
        bytes=0,
        mark=end,
        cursor=manifest.cursor,
        now=services.now(),
    )


async def test_the_next_run_asks_for_what_is_newer(make_run: MakeRun, services: Services, tmp_path: Path) -> None:
    AskedIncoming.pages_to_give = [[{"number": 1, "at": 5}], [{"number": 2, "at": 9}, {"number": 3, "at": 7}]]
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
