"""Windows on the days on which clocks change: no stretch of time is left out, none is asked for backwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.engine.fetch.pages.window_slices import slice_count, slice_of
from airflow_integrations.engine.fetch.windows import moves_mark, window_of
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.window import Window, on_clocks

CHANGES = {
    "Europe/Madrid": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
}
days = st.sampled_from([(zone, day) for zone, both in CHANGES.items() for day in both])
clocks = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


def route(zone: str, **window: object) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"key": "entity.id"},
            "incoming": {"http": {"connection": "shop", "path": "/"}},
            "outgoing": {"none": {}},
            "schedule": {"cron": "0 * * * *", "timezone": zone},
            "window": window,
        }
    )


def shown(moment: datetime, zone: str) -> datetime:
    """What the clocks of the zone show."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@given(days, clocks)
def test_a_first_window_begins_where_the_clocks_first_show_its_time(
    where: tuple[str, str], clock: tuple[int, int]
) -> None:
    zone, day = where
    wanted = datetime.fromisoformat(day).replace(hour=clock[0], minute=clock[1])
    end = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=3)
    run = Run(route(zone, initial=wanted.isoformat()), "run-1", Window(end - timedelta(hours=1), end))
    start = window_of(run, None).start
    quarters = [start + timedelta(minutes=15 * number) for number in range(-4 * 30, 4 * 30)]
    assert all(shown(moment, zone) < wanted for moment in quarters if moment < start - timedelta(hours=1))
    assert all(moment >= start for moment in quarters if shown(moment, zone) >= wanted), "nothing of it is left out"


@given(days, clocks, st.integers(1, 40), st.integers(20, 400))
def test_slices_of_a_window_in_a_zone_are_the_window_without_a_gap(
    where: tuple[str, str], clock: tuple[int, int], hours: int, length: int
) -> None:
    zone, day = where
    start = datetime.fromisoformat(day).replace(hour=clock[0], minute=clock[1], tzinfo=ZoneInfo(zone)) - timedelta(
        days=1
    )
    window, piece = Window(start, start.astimezone(UTC) + timedelta(hours=hours)), timedelta(minutes=length)
    pieces = [slice_of(window, piece, number) for number in range(slice_count(window, piece))]
    assert (pieces[0].start, pieces[-1].end) == (start, window.end)
    assert all(one.end == other.start for one, other in pairwise(pieces))
    assert all(timedelta(0) < one.end.astimezone(UTC) - one.start.astimezone(UTC) <= piece for one in pieces)


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, both in CHANGES.items() for day in both])
@pytest.mark.parametrize("minute", [0, 30])
def test_every_hour_of_both_days_is_in_the_window_of_a_run(zone: str, day: str, minute: int) -> None:
    """Runs at each time that the clocks show, with the interval since the one before; every third one fails."""
    noon = datetime.fromisoformat(day) - timedelta(hours=12)
    times = (noon + timedelta(hours=hour, minutes=minute) for hour in range(48))
    ticks = sorted({on_clocks(time, ZoneInfo(zone), late=late) for time in times for late in (False, True)})
    orders = route(zone, overlap="0s")
    mark: datetime | None = None
    covered = []
    for number, (start, end) in enumerate(pairwise(ticks)):
        # as Airflow gives it: in the zone of the schedule
        interval = Window(start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone)))
        run = Run(orders, f"run-{number}", interval, kind="scheduled")
        window = window_of(run, mark)
        assert window.start < window.end
        if number % 3 == 1:
            continue
        covered.append(window)
        assert moves_mark(Run(orders, run.run_id, window, kind="scheduled"), mark)
        mark = window.end
    assert covered[0].start == ticks[0]
    assert all(one.end == other.start for one, other in pairwise(covered))


@given(days, st.integers(0, 47), st.integers(0, 47))
def test_a_window_compares_moments_and_not_what_clocks_show(where: tuple[str, str], first: int, last: int) -> None:
    zone, day = where
    noon = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=12)
    one, other = (noon + timedelta(minutes=30 * half) for half in (first, last))
    ends = one.astimezone(ZoneInfo(zone)), other.astimezone(ZoneInfo(zone))
    if one > other:
        with pytest.raises(ValueError, match="after its end"):
            Window(*ends)
    else:
        assert Window(*ends).end - Window(*ends).start == other - one


def test_a_window_of_pendulum_s_moments_has_python_s() -> None:
    window = Window(*(pendulum.datetime(2026, 3, 29, hour, 30, 1, 5, tz="Europe/Madrid") for hour in (1, 4)))
    assert {type(window.start), type(window.end), type(window.end + timedelta(1))} == {datetime}
    assert window.dump() == ("2026-03-29T00:30:01.000005Z", "2026-03-29T02:30:01.000005Z")
    assert (window.end + timedelta(days=1)).tzinfo is UTC
