"""Routes and runs: where the next run begins, what a run did, whether a target is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, literal, select, update

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import lock_route
from airflow_integrations.ledger.history import KEPT, line
from airflow_integrations.ledger.inbox import close_events
from airflow_integrations.ledger.lookup import number_of
from airflow_integrations.ledger.open_rows import open_of
from airflow_integrations.ledger.records import RouteState, RunKind, RunRef
from airflow_integrations.ledger.reservation import release
from airflow_integrations.window import Window, rfc3339

__all__ = ["adopt", "applied", "begin", "find", "finish", "outage", "restart_push", "state"]

_route = schema.route.c
_run = schema.run.c


def begin(
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
    route_id = number_of(connection, route)
    lock_route(connection, route_id)
    start, end = window.dump()
    values = {
        "kind": kind,
        "window_start": start,
        "window_end": end,
        "route_hash": route_hash,
        "staging": staging,
        "finished": None,
        "recovering": None,
    }
    number = connection.scalar(select(_run.id).where(_run.route_id == route_id, _run.run_id == run_id))
    if number is None:
        number = connection.execute(
            insert(schema.run).values(route_id=route_id, run_id=run_id, started=now, **values).returning(_run.id)
        ).scalar_one()
    else:
        connection.execute(update(schema.run).where(_run.id == number).values(again=now, **values))
    return RunRef(number, route_id, route, run_id)


def find(connection: Connection, route: str, run_id: str) -> RunRef | None:
    row = connection.execute(
        select(_run.id, _run.route_id)
        .join(schema.route, _route.id == _run.route_id)
        .where(_route.name == route, _run.run_id == run_id)
    ).one_or_none()
    return RunRef(row.id, row.route_id, route, run_id) if row else None


def state(connection: Connection, route: str) -> RouteState:
    row = connection.execute(
        select(_route.mark, _route.cursor, _route.outages, _route.circuit_until).where(_route.name == route)
    ).one_or_none()
    if row is None:
        return RouteState()
    return RouteState(_moment(row.mark), row.cursor, row.outages, row.circuit_until)


def applied(connection: Connection, run: RunRef) -> int:
    lines: int = connection.execute(select(_run.applied).where(_run.id == run.id)).scalar_one()
    return lines


def rewind(connection: Connection, run: RunRef, applied: int) -> None:
    connection.execute(update(schema.run).where(schema.run.c.id == run.id).values(applied=applied))


def restart_push(connection: Connection, run: RunRef) -> None:
    lock_route(connection, run.route_id)
    connection.execute(update(schema.run).where(_run.id == run.id).values(applied=0))
    release(connection, run)


def adopt(connection: Connection, run: RunRef, *, until: float, now: float) -> bool:
    free = func.coalesce(_run.recovering, 0.0) < now
    adopted = connection.execute(update(schema.run).where(_run.id == run.id, free).values(recovering=until))
    return bool(adopted.rowcount)


def finish(
    connection: Connection,
    run: RunRef,
    *,
    counts: Mapping[str, int],
    seconds: Mapping[str, float],
    verdict: str | None,
    size: int,
    mark: datetime | None,
    cursor: str | None,
    decided: bool,
    staged_events: Sequence[int] | None,
    now: float,
) -> None:
    lock_route(connection, run.route_id)
    connection.execute(
        update(schema.run)
        .where(_run.id == run.id)
        .values(
            finished=now,
            recovering=None,
            counts=msgspec.json.encode(dict(counts)).decode(),
            seconds=msgspec.json.encode(dict(seconds)).decode(),
            verdict=verdict,
            bytes=size,
        )
    )
    before = _moment(connection.scalar(select(_route.mark).where(_route.id == run.route_id)))
    moved: dict[str, str] = {}
    if mark is not None and (before is None or mark > before):
        moved["mark"] = rfc3339(mark)
    if cursor is not None:
        moved["cursor"] = cursor
    if moved:
        connection.execute(update(schema.route).where(_route.id == run.route_id).values(**moved))
    release(connection, run)
    _give_back(connection, run, now)
    close_events(connection, run, decided=decided, staged=staged_events, now=now)


def _give_back(connection: Connection, run: RunRef, now: float) -> None:
    """What the run took over and did not decide is due at once, for whoever comes next."""
    entity = schema.entity.c
    connection.execute(
        update(schema.entity)
        .where(open_of(connection, [run.route_id]), entity.status == "pending", entity.run == run.id)
        .values(
            status="retrying",
            changed=now,
            next_attempt=now,
            lease_until=None,
            history=func.substr(literal(line("retrying", run.id, now) + "\n") + entity.history, 1, KEPT),
        )
    )


def outage(connection: Connection, route_id: int, *, until: float | None) -> None:
    connection.execute(
        update(schema.route)
        .where(_route.id == route_id)
        .values(outages=0 if until is None else _route.outages + 1, circuit_until=until or 0.0)
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
