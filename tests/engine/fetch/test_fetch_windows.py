"""No change falls between two windows, whatever becomes of the runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.engine.fetch.pages.window_slices import slice_count, slice_of
from airflow_integrations.engine.fetch.windows import gapless, may_miss, moves_cursor, moves_mark, window_of
from airflow_integrations.ledger.mark import Mark
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.window import EPOCH, Window, rfc3339

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def span(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def run_of(window: Window, *, schedule: bool = True, options: dict[str, Any] | None = None, **asked: Any) -> Run:
    definition: dict[str, Any] = {
        "route": "orders",
        "entity": {"key": "entity.id"},
        "incoming": {"http": {"connection": "shop", "path": "/"}},
        "outgoing": {"none": {}},
        "window": options or {},
    }
    if schedule:
        definition["schedule"] = {"cron": "0 * * * *", "timezone": "Europe/Madrid"}
    return Run(Route.load(definition), "run-1", window, **{"kind": "scheduled", **asked})


def test_a_window_begins_where_the_last_completed_one_ended_less_the_overlap() -> None:
    run = run_of(span(5, 6), options={"overlap": "30m"})
    assert window_of(run, at(3)) == span(2.5, 6)
    assert window_of(run_of(span(5, 6), kind="manual"), at(5)).start == at(5) - timedelta(minutes=2)


def test_an_old_run_again_has_exactly_its_interval() -> None:
    assert window_of(run_of(span(5, 6)), at(6)) == span(5, 6)
    assert window_of(run_of(span(5, 6)), at(20)) == span(5, 6)


@pytest.mark.parametrize("asked", [{"kind": "backfill"}, {"explicit": True}, {"options": {"mode": "interval"}}])
def test_what_was_asked_for_is_not_stretched_and_does_not_move_the_mark(asked: dict[str, Any]) -> None:
    run = run_of(span(5, 6), **asked)
    assert window_of(run, at(1), stored=span(0, 9), first=at(0)) == span(5, 6)
    assert not moves_mark(run, None)


def test_the_first_window() -> None:
    assert window_of(run_of(span(5, 6)), None) == span(5, 6)
    assert window_of(run_of(span(5, 6)), None, first=at(2)) == span(2, 6), "a first run that failed loses nothing"
    assert window_of(run_of(span(5, 6)), None, first=at(8)) == span(5, 6)
    initial = {"initial": date(2025, 12, 1)}
    midnight_in_madrid = datetime(2025, 11, 30, 23, tzinfo=UTC)
    assert window_of(run_of(span(5, 6), options=initial), None).start == midnight_in_madrid
    late = run_of(span(5, 6), options={"initial": "2027-01-01T00:00:00Z"})
    assert window_of(late, None) == span(6, 6)
    assert not moves_mark(replace(late, window=span(6, 6)), None)


def test_a_route_without_a_schedule_asks_for_everything_unless_it_says_otherwise() -> None:
    everything = Window(EPOCH, at(6))
    assert window_of(run_of(everything, schedule=False, kind="manual"), at(3)) == everything
    assert not gapless(run_of(everything, schedule=False))
    for options in ({"mode": "gapless", "overlap": "1h"}, {"initial": "2026-01-01", "overlap": "1h"}):
        run = run_of(everything, schedule=False, kind="manual", options=options)
        assert window_of(run, at(3)) == span(2, 6)
        assert moves_mark(replace(run, window=span(2, 6)), at(3))


def test_what_an_earlier_attempt_decided_stays() -> None:
    assert window_of(run_of(span(5, 6)), at(20), stored=span(1, 6)) == span(1, 6)


@pytest.mark.parametrize(
    "asked",
    [{"keys": frozenset("a")}, {"limit": 3}, {"entities": ({},)}, {"dry_run": True}, {"retry": RetryWanted()}],
)
def test_a_run_of_a_part_moves_neither_mark_nor_cursor(asked: dict[str, Any]) -> None:
    run = run_of(span(5, 6), **asked)
    assert not moves_mark(run, at(5))
    assert not moves_cursor(run)
    assert moves_mark(run_of(span(5, 6)), at(5))
    assert moves_cursor(run_of(span(5, 6)))


def test_a_window_behind_a_mark_that_was_set_back_leaves_the_mark() -> None:
    assert not moves_mark(run_of(span(5, 6)), at(4))


OVERLAP = 0.5
fates = st.lists(
    st.tuples(
        st.sampled_from(["done", "failed", "dropped", "later", "twice"]),
        st.floats(0, 3),  # hours that the run begins after its tick
        st.sampled_from([0.0, 0.0, 0.25, 0.75]),  # hours that a run by hand stands beside the schedule's
    ),
    min_size=1,
    max_size=12,
)
lags = st.lists(st.tuples(st.floats(0, 13), st.floats(0, OVERLAP)), max_size=30)


@given(fates, lags)
def test_every_change_is_in_the_window_of_a_completed_run_that_could_see_it(
    runs: list[tuple[str, float, float]], changes: list[tuple[float, float]]
) -> None:
    """Ticks every hour; runs are dropped, fail, are repeated, run late and out of order, or are begun by hand with an
    interval beside the schedule's. Two last ones are completed.

    The source shows a change up to the overlap after its time. The route begins where what completed runs cover does;
    of what is earlier, what any run was to ask for counts, whether that one was completed or not.
    """
    plan = []
    for number, (fate, delay, shift) in enumerate(runs):
        if fate == "dropped":
            continue
        begins = number + shift + 1 + delay + (5 if fate == "later" else 0)
        plan.append((begins, number + shift, fate != "failed"))
        if fate in ("failed", "twice"):
            plan.append((begins + 4, number + shift, fate == "twice"))
    end = len(runs) + 10
    plan.sort()
    plan += [(end - 1 + OVERLAP, end - 2, True), (end + OVERLAP, end - 1, True)]
    route = Mark()
    first: datetime | None = None
    stored: dict[float, Window] = {}
    completed: list[tuple[Window, float]] = []
    for begins, at_hour, succeeds in plan:
        run = run_of(
            span(at_hour, at_hour + 1), options={"overlap": "30m"}, kind="manual" if at_hour % 1 else "scheduled"
        )
        mark, missed = (datetime.fromisoformat(text) if text else None for text in (route.mark, route.missed_from))
        window = window_of(run, mark, stored=stored.get(at_hour), first=first if mark is None else None, missed=missed)
        stored[at_hour] = window
        if run.kind == "scheduled":
            first = window.start if first is None else min(first, window.start)
        as_run = replace(run, window=window)
        assert may_miss(as_run)
        if succeeds:
            completed.append((window, begins))
            route = route.after(window if moves_mark(as_run, mark) else None, None)
        else:
            route = route.after(None, window.start)
    assert route == Mark(rfc3339(at(end)), route.covers_from, None)
    assert route.covers_from is not None
    for changed, lag in changes:
        moment = at(changed)
        before = moment < datetime.fromisoformat(route.covers_from)
        if any(w.start <= moment < w.end for w in stored.values()) if before else moment < at(end):
            lag = 0.0 if before else lag
            seen = any(w.start <= moment < w.end and changed + lag <= asked for w, asked in completed)
            assert seen, (moment, completed)


def test_a_window_that_was_missed_is_asked_for_again_where_completed_runs_do_not_cover_it() -> None:
    by_hand, scheduled = span(5.3, 6.3), span(5, 6)
    assert Mark().after(by_hand, None).after(None, scheduled.start).missed_from == rfc3339(scheduled.start)
    assert Mark().after(None, scheduled.start).after(by_hand, None).missed_from == rfc3339(scheduled.start)
    missed = Mark().after(by_hand, None).after(None, scheduled.start)
    assert window_of(run_of(span(6, 7)), at(6.3), missed=scheduled.start) == span(5, 7)
    assert missed.after(span(5, 7), None) == Mark(rfc3339(at(7)), rfc3339(at(5)), None)
    assert missed.after(scheduled, None) == Mark(rfc3339(at(6.3)), rfc3339(at(5)), None), "or it was repeated"
    assert missed.after(span(4, 5), None) == missed, "that one does not reach to what is covered"
    assert missed.after(None, at(5.5)) == missed, "another run has covered this one"
    assert missed.after(span(7, 8), None) == missed, "behind a gap"


def test_of_a_ledger_that_does_not_know_from_where_its_mark_covers_nothing_was_missed() -> None:
    old = Mark(rfc3339(at(5)))
    assert old.after(None, at(1)) == old
    assert old.after(span(4, 6), None) == Mark(rfc3339(at(6)))


@given(st.integers(0, 10_000), st.integers(1, 700))
def test_slices_are_the_window_without_a_gap(minutes: int, length: int) -> None:
    window, piece = Window(DAY, DAY + timedelta(minutes=minutes)), timedelta(minutes=length)
    pieces = [slice_of(window, piece, index) for index in range(slice_count(window, piece))]
    assert pieces[0].start == window.start
    assert pieces[-1].end == window.end
    assert all(one.end == other.start for one, other in pairwise(pieces))
    assert all(one.end - one.start <= piece for one in pieces)
    assert all(one.start < one.end for one in pieces) or not minutes


def test_runs_by_assets_and_by_schedule_take_turns_without_a_gap() -> None:
    """A run by assets is for all up to its start; it has its interval from the schedule, or everything."""
    by_assets = run_of(span(4, 6.5), kind="asset", options={"overlap": "0s"})
    assert window_of(by_assets, at(6)) == span(6, 6.5)
    assert moves_mark(replace(by_assets, window=span(6, 6.5)), at(6))
    scheduled = run_of(span(6, 7), options={"overlap": "0s"})
    assert window_of(scheduled, at(6.5)) == span(6.5, 7)
    assert window_of(by_assets, None) == span(4, 6.5)
    everything = Window(EPOCH, at(6.5))
    assert window_of(run_of(everything, schedule=False, kind="asset"), at(6)) == everything
    gapless_one = run_of(everything, schedule=False, kind="asset", options={"mode": "gapless", "overlap": "0s"})
    assert window_of(gapless_one, at(6)) == span(6, 6.5)
    interval = run_of(span(4, 6.5), kind="asset", options={"mode": "interval"})
    assert window_of(interval, at(6)) == span(4, 6.5)


def test_a_run_that_was_overtaken_does_not_begin_in_1970() -> None:
    """One for a moment before that at which a run by assets, which came first, has begun."""
    late = run_of(Window(EPOCH, at(6)), schedule=False, kind="scheduled", options={"mode": "gapless", "overlap": "1h"})
    assert window_of(late, at(6.5)) == span(5.5, 6)
    assert window_of(late, at(9)) == span(6, 6)
    assert not moves_mark(replace(late, window=span(6, 6)), at(9))
