"""Whether an alert of a route fires, and what is wrong, in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_integrations.config.types import duration_text, size_text
from airflow_integrations.ledger.queries.health import WAITING, Depth, RunHealth
from airflow_integrations.ledger.status import DECIDED, WRONG
from airflow_integrations.listen.backlog import Backlog
from airflow_integrations.plurals import counted
from airflow_integrations.route.alerts import Alerts, ErrorRate, Kind, SourceBehind
from airflow_integrations.route.contracts.learned import Drift
from airflow_integrations.route.definition import Schedule

__all__ = ["Finding", "Outlook", "find"]

NextTick = Callable[[Schedule, datetime], datetime]
"""When the interval that begins at a moment ends."""

MOST_DRIFTS = 5
"""Fields that an alert tells of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong."""

    detail: str
    run_id: str | None = None
    """The run to look at."""
    while_paused: bool = True
    """False: where the route is switched off, all is as it should be."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a route when one of its alerts is looked at."""

    health: RunHealth
    depth: Depth | None
    """None: the ledger does not know the route."""
    schedule: Schedule | None
    next_tick: NextTick
    watched: float
    """Since when the alert is looked at: before that, nothing was missed."""
    now: float
    backlog: Backlog | None = None
    """What waits at the source; None where it cannot tell."""
    drifts: tuple[Drift, ...] = ()
    """How the source's fields differ from what the route's contract has learned."""
    asked: str = "the target"
    """The systems one of which was away where the route's circuit is open: ``erp or crm``."""


def find(kind: Kind, alerts: Alerts, outlook: Outlook) -> Finding | None:
    """What is wrong; None: nothing, or the alert is not asked for."""
    if kind == "failure":
        return _failure(outlook) if alerts.failure else None
    if kind == "error_rate":
        return _error_rate(alerts.error_rate, outlook) if alerts.error_rate else None
    if kind == "nothing_received":
        return _nothing_received(alerts.nothing_received, outlook) if alerts.nothing_received else None
    if kind == "queue_older_than":
        return _queue(alerts.queue_older_than, outlook) if alerts.queue_older_than else None
    if kind == "source_behind":
        return _source(alerts.source_behind, outlook) if alerts.source_behind else None
    if kind == "contract":
        return _contract(outlook.drifts) if alerts.contract else None
    return _late(alerts.late, outlook) if alerts.late else None


def _failure(outlook: Outlook) -> Finding | None:
    """The newest run failed, or one since the last look."""
    health = outlook.health
    newest = health.newest
    if health.last_failed is not None:
        more = f" (and {health.failed - 1} before it)" if health.failed > 1 else ""
        return Finding(f"{health.last_failed.verdict}{more}", health.last_failed.run_id)
    if newest is not None and newest.verdict is not None and newest.finished > outlook.watched:
        return Finding(newest.verdict, newest.run_id)
    return None


def _error_rate(rate: ErrorRate, outlook: Outlook) -> Finding | None:
    counts = outlook.health.books.counts
    wrong = sum(counts.get(name, 0) for name in WRONG)
    decided = sum(counts.get(name, 0) for name in DECIDED)
    if decided < rate.at_least or wrong <= rate.share * decided:
        return None
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in WRONG if counts.get(name))
    return Finding(
        f"{told} of {counted(decided, 'entity')} within {duration_text(rate.over)}: "
        f"{wrong / decided:.1%}, more than {rate.above}"
    )


def _nothing_received(limit: timedelta, outlook: Outlook) -> Finding | None:
    last = outlook.health.received
    if outlook.now - max(last or 0.0, outlook.watched) <= limit.total_seconds():
        return None
    since = f"nothing was received since {_clock(last)}" if last else "nothing was ever received"
    return Finding(f"{since}; expected at least every {duration_text(limit)}", while_paused=False)


def _queue(limit: timedelta, outlook: Outlook) -> Finding | None:
    depth = outlook.depth
    moments = [] if depth is None else [moment for moment in (depth.oldest, depth.oldest_event) if moment is not None]
    if depth is None or not moments or outlook.now - min(moments) <= limit.total_seconds():
        return None
    waiting = [f"{depth.counts[status]} {status.replace('_', ' ')}" for status in WAITING if depth.counts.get(status)]
    if depth.events:
        waiting.append(f"{depth.events} events in the inbox")
    until = f"nothing is sent before {_clock(depth.circuit_until)}" if depth.circuit_until else ""
    away = f"; {outlook.asked} was away, {until}" if until else ""
    return Finding(
        f"entities wait to be delivered since {_clock(min(moments))}, longer than {duration_text(limit)}: "
        f"{', '.join(waiting)}{away}"
    )


def _source(limit: SourceBehind, outlook: Outlook) -> Finding | None:
    """Also while the route is paused: what waits grows all the same, and a slot keeps PostgreSQL's log."""
    waits = outlook.backlog
    if waits is None:
        return None
    if waits.rows is not None and limit.rows is not None and waits.rows > limit.rows:
        return Finding(f"{waits} wait at the source, more than {limit.rows:,}")
    if waits.size is not None and limit.size is not None and waits.size > limit.size:
        return Finding(f"{waits} wait at the source, more than {size_text(limit.size)}")
    return None


def _contract(drifts: tuple[Drift, ...]) -> Finding | None:
    if not drifts:
        return None
    told = "; ".join(map(str, drifts[:MOST_DRIFTS]))
    more = f"; and {len(drifts) - MOST_DRIFTS:,} more" if len(drifts) > MOST_DRIFTS else ""
    return Finding(f"{told}{more}", drifts[0].run_id)


def _late(limit: timedelta, outlook: Outlook) -> Finding | None:
    """The run that comes after the last one that ended is not there, however it stands with it."""
    schedule = outlook.schedule
    if schedule is None:
        return None
    first, end = _moment(schedule, outlook), schedule.moment("end")
    if end is not None and first >= end:
        return None
    tick = outlook.next_tick(schedule, first)
    overdue = outlook.now - tick.timestamp()
    if overdue <= limit.total_seconds():
        return None
    return Finding(
        f"the run due at {_clock(tick.timestamp())} has not ended, more than {duration_text(limit)} after its time",
        while_paused=False,
    )


def _moment(schedule: Schedule, outlook: Outlook) -> datetime:
    """Where the window begins whose run is expected next."""
    watched = datetime.fromtimestamp(outlook.watched, UTC)
    done = outlook.health.scheduled_until
    last = datetime.fromisoformat(done) if done else watched
    start = schedule.moment("start")
    return max(last, watched, *([start] if start else []))


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
