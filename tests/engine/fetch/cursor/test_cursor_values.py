"""Values of the cursor field: which of them the next run begins with, and which make no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from airflow_integrations.engine.fetch.cursor.watch import CursorWatch
from airflow_integrations.errors import AnswerError
from airflow_integrations.route.incremental import Cursor


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
        ([Decimal("1e999999999")], None),
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
