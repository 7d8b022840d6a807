"""Where is it? One entity with all that is known of it, or the entities that fit a description."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from airflow_integrations.ledger.progress import Progress
from airflow_integrations.ledger.queries.timeline import read_lines, transitions
from airflow_integrations.ledger.queries.views import (
    EntityLine,
    EntityRecord,
    Lease,
    Overlay,
    Page,
    RunBooks,
    StepRecord,
)
from airflow_integrations.ledger.records import NOT_FOUND, PayloadRef
from airflow_integrations.ledger.runs.leases import lease_of
from airflow_integrations.ledger.runs.waits import awaited
from airflow_integrations.ledger.status import KEPT, Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.open_entities import by_key, open_of
from airflow_integrations.ledger.storage.route_ids import known_route, route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["MOST_LINES", "Matching", "books_of", "find", "matching", "where"]

MOST_LINES = 10_000
"""Entities on one page, at most."""

_e = tables.entity.c


def where(database: Database, route: str, key: str, now: float) -> EntityRecord | None:
    """All that the ledger knows of one entity; None: neither a fate nor a lease of it."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return None
        live = lease_of(connection, route_id, key, now)
        lease = Lease(live.run_id, live.until) if live else None
        row = connection.execute(select(tables.entity).where(_e.route_id == route_id, _e.key == key)).one_or_none()
        if row is not None:
            return _record(connection, route, row, lease)
    if live is None:
        return None
    return EntityRecord(
        route=route,
        key=key,
        status="in_flight",
        decided=None,
        lease=lease,
        first_seen=live.started,
        last_seen=live.started,
    )


def _record(connection: Connection, route: str, row: Row[Any], lease: Lease | None) -> EntityRecord:
    lines = read_lines(row.history)
    numbers = {row.run, row.seen_run, row.payload_run, *(line[2] for line in lines)} - {None}
    runs = {
        found.id: found for found in connection.execute(select(tables.run).where(tables.run.c.id.in_(sorted(numbers))))
    }
    edited = connection.execute(
        select(tables.overlay).where(tables.overlay.c.route_id == row.route_id, tables.overlay.c.key == row.key)
    ).one_or_none()
    taken = runs.get(row.run)
    if lease is None and row.status == "pending" and row.lease_until is not None and taken is not None:
        lease = Lease(taken.run_id, row.lease_until)
    staged = runs.get(row.payload_run)
    same = {name: getattr(row, name) for name in _SAME}
    return EntityRecord(
        route=route,
        status="in_flight" if lease is not None and row.status != "pending" else row.status,
        decided=row.status,
        lease=lease,
        run=books_of(taken) if taken is not None else None,
        seen_run=runs[row.seen_run].run_id if row.seen_run in runs else None,
        payload=PayloadRef(staged.staging, row.payload_stage, row.payload_at) if staged and staged.staging else None,
        overlay=Overlay(edited.by, edited.at, edited.stage, edited.payload) if edited is not None else None,
        waits_for=awaited(connection, row.route_id, row.key) if row.error_class == NOT_FOUND else (),
        history=transitions(lines, {number: found.run_id for number, found in runs.items()}),
        steps=_steps(connection, row),
        **same,
    )


def _steps(connection: Connection, row: Row[Any]) -> tuple[StepRecord, ...]:
    progress = tables.progress.c
    query = select(progress.hash, progress.steps).where(progress.route_id == row.route_id, progress.key == row.key)
    known = connection.execute(query).one_or_none()
    if known is None or (row.hash is not None and known.hash != row.hash):
        return ()
    return tuple(StepRecord.of(done) for done in Progress.read(known.steps).done.values())


_SAME = frozenset(EntityRecord.__struct_fields__) & frozenset(tables.entity.c.keys()) - {
    "history",
    "run",
    "seen_run",
    "status",
}


def books_of(row: Row[Any]) -> RunBooks:
    """A row of the table of runs, for people."""
    return RunBooks(
        id=row.id,
        run_id=row.run_id,
        kind=row.kind,
        window=(row.window_start, row.window_end),
        started=row.started,
        finished=row.finished,
        counts=msgspec.json.decode(row.counts, type=dict[str, int]),
        seconds=msgspec.json.decode(row.seconds, type=dict[str, float]),
        verdict=row.verdict,
        bytes=row.bytes,
        definition=row.route_hash or None,
    )


def find(
    database: Database,
    *,
    route: str,
    statuses: Collection[Status] = (),
    fingerprint: str | None = None,
    text: str | None = None,
    prefix: str | None = None,
    inside: str | None = None,
    target_id: str | None = None,
    since: float | None = None,
    until: float | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Page:
    """One page of a route's entities, in the order of their keys; all that is given has to fit.

    ``text`` is looked for in error messages, upper and lower case alike; ``prefix`` is the beginning of keys, and
    ``inside`` any part of them, upper and lower case alike; ``since`` and ``until`` bound when the last fate was
    decided. ``after`` is :attr:`Page.after` of the page before. Open entities are found by an index; a search among
    closed ones reads the route's rows. Raises RunError for a route that the ledger does not know.
    """
    limit = max(1, min(limit, MOST_LINES))
    with database.read() as connection:
        found = matching(
            connection,
            known_route(connection, route),
            statuses=statuses,
            fingerprint=fingerprint,
            text=text,
            prefix=prefix,
            inside=inside,
            target_id=target_id,
            since=since,
            until=until,
        )
        query = found.query if after is None else found.query.where(_e.key > after)
        rows = [EntityLine(**row) for row in connection.execute(query.limit(limit + 1)).mappings()]
    return Page(tuple(rows[:limit]), rows[limit - 1].key if len(rows) > limit else None)


class Matching(NamedTuple):
    """``query`` gives the lines of all entities that fit, in the order of their keys."""

    query: Select[Any]
    only_open: bool
    """They are found by the index of the open ones, of which there are few."""


def matching(
    connection: Connection,
    route_id: int,
    *,
    statuses: Collection[Status] = (),
    fingerprint: str | None = None,
    text: str | None = None,
    prefix: str | None = None,
    inside: str | None = None,
    target_id: str | None = None,
    since: float | None = None,
    until: float | None = None,
    unsure_before: float | None = None,
) -> Matching:
    """What :func:`find` is asked for, as SQL.

    ``unsure_before``: entities that were seen first before it fit whatever ``text`` their message has, where they have
    one: their messages are not shown as they are stored, so that it is for the caller to look.
    """
    # Closed entities have no error.
    only_open = fingerprint is not None or bool(text) or (bool(statuses) and KEPT.issuperset(statuses))
    query = (
        select(*(_e[name] for name in EntityLine.__struct_fields__))
        .where(open_of(connection, [route_id]) if only_open else _e.route_id == route_id)
        .order_by(by_key(connection) if only_open else _e.key)
    )
    if statuses:
        query = query.where(_e.status.in_(sorted(statuses)))
    if fingerprint is not None:
        query = query.where(_e.fingerprint == fingerprint)
    if text:
        told = _e.message.icontains(text, autoescape=True)
        if unsure_before is not None:
            told = or_(told, and_(_e.message.is_not(None), _e.first_seen < unsure_before))
        query = query.where(told)
    if prefix:
        query = _beginning(query, prefix)
    if inside:  # as it is, too: databases do not fold every letter
        query = query.where(or_(_e.key.icontains(inside, autoescape=True), _e.key.contains(inside, autoescape=True)))
    if target_id is not None:
        query = query.where(_e.target_id == target_id)
    if since is not None:
        query = query.where(_e.changed >= since)
    if until is not None:
        query = query.where(_e.changed < until)
    return Matching(query, only_open)


def _beginning(query: Select[Any], prefix: str) -> Select[Any]:
    """A stretch of the index has them all, and perhaps a few more at its end."""
    return query.where(_e.key >= prefix, _e.key < prefix + "\U0010ffff", func.substr(_e.key, 1, len(prefix)) == prefix)
