"""Routes and runs: where the next run begins, what a run did, whether a target is away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, String, Update, bindparam, case, delete, func, insert, select, update

from airflow_integrations.ledger.acknowledgements import note_acknowledgements
from airflow_integrations.ledger.inbox.inbox import close_events
from airflow_integrations.ledger.mark import Mark
from airflow_integrations.ledger.records import RouteState, RunKind, RunRef
from airflow_integrations.ledger.runs.claims import end_leases
from airflow_integrations.ledger.runs.history import KEPT, line
from airflow_integrations.ledger.runs.published_fetches import move_on
from airflow_integrations.ledger.runs.source_pieces import note_pieces
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import lock_leases, lock_route
from airflow_integrations.ledger.storage.open_entities import open_of_one
from airflow_integrations.ledger.storage.route_ids import number_of
from airflow_integrations.ledger.storage.transactions import reading, writing
from airflow_integrations.staging.manifest import ReadWhat
from airflow_integrations.window import Window

__all__ = [
    "abandon_run",
    "adopt_run",
    "applied_lines",
    "begin_run",
    "disown_run",
    "find_run",
    "finish_run",
    "note_outage",
    "restart_push",
    "rewind_journal",
    "route_state",
]

_route = tables.route.c
_run = tables.run.c

# Made once: making a statement costs as much as a small run's execution of it.
_FIND: Final = (
    select(_run.id, _run.route_id)
    .join(tables.route, _route.id == _run.route_id)
    .where(_route.name == bindparam("route"), _run.run_id == bindparam("run"))
)
_STATE: Final = select(
    _route.mark, _route.cursor, _route.newest, _route.outages, _route.circuit_until, _route.missed_from
).where(_route.name == bindparam("route"))
_APPLIED: Final = select(_run.applied).where(_run.id == bindparam("run"))
_KNOWN: Final = select(_run.id).where(_run.route_id == bindparam("route"), _run.run_id == bindparam("run"))
_claim = tables.claim.c
_part = tables.part.c
_APPLIED_OF_PART: Final = select(_part.applied).where(_part.run == bindparam("run"), _part.part == bindparam("part"))
_FORGET_PARTS: Final = delete(tables.part).where(_part.run == bindparam("of"))
_BEGIN: Final = insert(tables.run).returning(_run.id)
_ONE: Final = update(tables.run).where(_run.id == bindparam("of"))
_RESTART: Final = _ONE.values(applied=0)
_REWIND: Final = _ONE.values(applied=bindparam("lines"))
_MARK: Final = select(_route.mark, _route.covers_from, _route.missed_from).where(_route.id == bindparam("of"))
_CLOSED: Final = ("finished", "counts", "seconds", "verdict", "bytes")
_CLOSE: Final = _ONE.values(recovering=None, **{name: bindparam(f"its_{name}") for name in _CLOSED})


@writing
def begin_run(
    connection: Connection,
    route: str,
    run_id: str,
    *,
    kind: RunKind,
    window: Window,
    route_hash: str,
    staging: str,
    now: float,
) -> RunRef:
    """Open the books of a run. A run that is known keeps when it started and what is in its books."""
    route_id = number_of(connection, route)
    lock_route(connection, route_id)
    start, end = window.dump()
    values: dict[str, Any] = {
        "kind": kind,
        "window_start": start,
        "window_end": end,
        "route_hash": route_hash,
        "staging": staging,
        "finished": None,
        "recovering": None,
    }
    number = connection.scalar(_KNOWN, {"route": route_id, "run": run_id})
    if number is None:
        values |= {"route_id": route_id, "run_id": run_id, "started": now}
        number = connection.execute(_BEGIN, values).scalar_one()
    else:
        again = {f"its_{name}": value for name, value in {**values, "again": now}.items()}
        connection.execute(_beginning_again(*values, "again"), {"of": number, **again})
    return RunRef(number, route_id, route, run_id)


@cache
def _beginning_again(*names: str) -> Update:
    return _ONE.values(**{name: bindparam(f"its_{name}") for name in names})


@reading
def find_run(connection: Connection, route: str, run_id: str) -> RunRef | None:
    """None: the ledger does not know it."""
    row = connection.execute(_FIND, {"route": route, "run": run_id}).one_or_none()
    return RunRef(row.id, row.route_id, route, run_id) if row else None


@reading
def route_state(connection: Connection, route: str) -> RouteState:
    """Return what the next run of the route begins with; of a route that never ran: nothing."""
    row = connection.execute(_STATE, {"route": route}).one_or_none()
    if row is None:
        return RouteState()
    return RouteState(
        _moment(row.mark), row.cursor, row.outages, row.circuit_until, row.newest, _moment(row.missed_from)
    )


@reading
def applied_lines(connection: Connection, run: RunRef) -> int:
    """How many lines of the part's journal are in the ledger."""
    if run.part:
        return connection.scalar(_APPLIED_OF_PART, {"run": run.id, "part": run.part}) or 0
    lines: int = connection.execute(_APPLIED, {"run": run.id}).scalar_one()
    return lines


@writing
def rewind_journal(connection: Connection, run: RunRef, applied: int) -> None:
    """The part's journal lost lines that were applied: those that it gets now are counted from ``applied`` on."""
    if run.part:
        which = (_part.run == run.id, _part.part == run.part)
        connection.execute(update(tables.part).where(*which).values(applied=applied))
        return
    connection.execute(_REWIND, {"of": run.id, "lines": applied})


@writing
def restart_push(connection: Connection, run: RunRef) -> None:
    """The run's journals were cleared: none of their lines is applied, and all its leases are given up."""
    lock_route(connection, run.route_id)
    connection.execute(_RESTART, {"of": run.id})
    connection.execute(_FORGET_PARTS, {"of": run.id})
    end_leases(connection, run)


@writing
def abandon_run(connection: Connection, run: RunRef) -> None:
    """The run is dead and has left nothing: its leases end, and the events that it had taken wait again."""
    end_leases(connection, run)
    close_events(connection, run, decided=False, now=0.0)


@writing
def adopt_run(connection: Connection, run: RunRef, *, until: float, now: float) -> bool:
    """Whether the caller may close the books of a run that died; until then nobody else may. Not where a part of it has
    said since that it is at work."""
    lock_leases(connection, run.route_id)
    announced = select(_claim.id).where(_claim.run == run.id, _claim.count == 0, _claim.lease_until >= now)
    if connection.scalar(announced.limit(1)) is not None:
        return False
    free = func.coalesce(_run.recovering, 0.0) < now
    adopted = connection.execute(update(tables.run).where(_run.id == run.id, free).values(recovering=until))
    return bool(adopted.rowcount)


@writing
def disown_run(connection: Connection, run: RunRef) -> None:
    """The caller, who adopted it, cannot close its books: what it had in flight is free."""
    connection.execute(update(tables.run).where(_run.id == run.id).values(recovering=None))


@writing
def finish_run(
    connection: Connection,
    run: RunRef,
    *,
    counts: Mapping[str, int],
    seconds: Mapping[str, float],
    verdict: str | None,
    bytes: int,  # noqa: A002
    covered: Window | None,
    cursor: str | None,
    now: float,
    missed: datetime | None = None,
    newest: str | None = None,
    decided: bool = True,
    read: tuple[str, int, ReadWhat] | None = None,
    staged_events: Sequence[int] | None = None,
    pieces: Sequence[tuple[str, bool]] = (),
    answers: Callable[[], Iterable[tuple[str, str]]] | None = None,
) -> None:
    """Close the books of a run.

    ``covered`` is the window that the run completed: its end moves the route's mark forwards, never back. ``missed``
    is where the window of a run starts that did not complete it, see :class:`~airflow_integrations.ledger.mark.Mark`.
    ``cursor`` replaces the route's; None leaves it. ``newest`` is the greatest value that the run saw of it: replaced
    with the cursor. ``read`` is another route, the number of the last fetch of it that this run has read, or of what
    else it reads of it: the route is done with it. The run's leases are given up. What it took over and did not decide
    is *retrying* again, due at once. The events that it took are done, or, where not all of its entities are
    ``decided``, wait for another run; so do those that are not among ``staged_events``, where these are named.
    ``pieces`` of the source need not be read again, see :func:`note_pieces`; ``answers`` gives what their senders are
    answered, see :func:`note_acknowledgements`.
    """
    lock_route(connection, run.route_id)
    closed = (
        now,
        msgspec.json.encode(dict(counts)).decode(),
        msgspec.json.encode(dict(seconds)).decode(),
        verdict,
        bytes,
    )
    named = {f"its_{name}": value for name, value in zip(_CLOSED, closed, strict=True)}
    connection.execute(_CLOSE, {"of": run.id, **named})
    moved: dict[str, str | None] = {}
    if covered is not None or missed is not None:
        before = Mark(*connection.execute(_MARK, {"of": run.route_id}).one())
        moved |= before.changes(before.after(covered, missed))
    if cursor is not None or newest is not None:
        moved["newest"] = newest
    if cursor is not None:
        moved["cursor"] = cursor
    if moved:
        connection.execute(_moving(*moved), {"of": run.route_id, **{f"its_{name}": at for name, at in moved.items()}})
    if read is not None:
        move_on(connection, run, *read)
    if pieces and answers is not None:
        note_acknowledgements(connection, run, [name for name, _ in pieces], answers(), now)
    note_pieces(connection, run, pieces)
    end_leases(connection, run)
    _give_back(connection, run, now)
    close_events(connection, run, decided=decided, staged=staged_events, now=now)


@cache
def _moving(*names: str) -> Update:
    return (
        update(tables.route)
        .where(_route.id == bindparam("of"))
        .values(**{name: bindparam(f"its_{name}") for name in names})
    )


def _give_back(connection: Connection, run: RunRef, now: float) -> None:
    """What the run took over and did not decide is due at once, for whoever comes next."""
    entry = line("retrying", run.id, now) + "\n"
    given = {"of_route": run.route_id, "by": run.id, "now": now, "entry": entry}
    connection.execute(_giving_back(connection.dialect.name), given)


@cache
def _giving_back(dialect: str) -> Update:
    entity = tables.entity.c
    return (
        update(tables.entity)
        .where(open_of_one(dialect, bindparam("of_route")), entity.status == "pending", entity.run == bindparam("by"))
        .values(
            status="retrying",
            changed=bindparam("now"),
            next_attempt=bindparam("now"),
            lease_until=None,
            history=func.substr(bindparam("entry", type_=String) + entity.history, 1, KEPT),
        )
    )


@writing
def note_outage(connection: Connection, route_id: int, *, until: float | None, outages: int | None = None) -> None:
    """One more outage in a row of the route's target: nothing is sent before ``until``. None: it is back.

    ``outages``: the how-manieth it is to the caller. Parts of a run that meet the same one count it once.
    """
    more: Any = _route.outages + 1
    if outages is not None:
        more = case((_route.outages < outages, outages), else_=_route.outages)
    connection.execute(
        update(tables.route)
        .where(_route.id == route_id)
        .values(outages=0 if until is None else more, circuit_until=until or 0.0)
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
