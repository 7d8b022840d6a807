"""Forgetting: books, histories and payloads that a route's ``retention:`` no longer asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Executable,
    Update,
    and_,
    delete,
    func,
    or_,
    select,
    text,
    true,
    update,
)

from airflow_integrations.ledger.runs.published_fetches import read_by_all
from airflow_integrations.ledger.status import CLOSED
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import lock_route
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.tables import OPEN, claim, entity, part, run
from airflow_integrations.route.retention import Retention

__all__ = ["Pruned", "StagedRun", "Usage", "forget_staging", "prune", "usage"]

BATCH = 5_000
"""Rows that one transaction looks at: others wait for it for a few dozen milliseconds."""
_CLOSED = entity.c.status.in_(sorted(CLOSED))
ABANDONED_SECONDS = 7 * 86_400.0
"""A run that has not come to its end so long after its payloads could have gone never will."""
UNREAD_SECONDS = 30 * 86_400.0
"""What another route has yet to read is kept so long after its run ended; then the reader has lost it, and says so."""
_NEVER_ENDED = "it never finished"


@dataclass(frozen=True, slots=True)
class StagedRun:
    """A run whose payloads may go. ``id`` is the ledger's number of it, ``folder`` where they are staged."""

    id: int
    folder: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """What :func:`prune` did, and what is left to its caller."""

    runs: int = 0
    """So many runs lost their books."""
    histories: int = 0
    """So many entities lost their history; they stay known."""
    staging: tuple[StagedRun, ...] = ()
    """Folders to remove; then :func:`forget_staging`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much the ledger and the staging area hold."""

    entities: int
    open: int
    """Entities among them that do not have their fate yet, or a bad one."""
    runs: int
    database_bytes: int
    """Of the ledger's tables and indexes. On SQLite without pages that are free: the file keeps them for reuse. Trimmed
    histories leave room within pages, which is used again but still counted."""
    staged_bytes: int
    """Of the segments of all runs whose folder has not been removed, as the runs' books have them."""


def prune(database: Database, *, routes: Mapping[str, Retention], now: float, batch: int = BATCH) -> Pruned:
    """Forgets what the ``routes`` no longer ask for, ``batch`` rows a transaction; other routes stay as they are.

    - A run that began longer ago than ``payloads`` and another week and was not finished counts as closed then,
      unless an open entity or a claim refers to it: it died before its push, or its DAG is gone.
    - Payloads may go of runs that closed their books longer ago than ``payloads``, or that are not among the newest
      ``runs``; but none that an open entity or a claim still needs, and for 30 days none that another route has yet to
      read.
    - Books go of runs that closed them longer ago than ``history`` and are not among the newest ``runs``, once their
      payloads are gone; but none that an open entity or a claim refers to.
    - Histories go of closed entities that no fetch has had for ``history``, and the steps that a target confirmed of
      them. What was delivered stays known.
    - Acknowledgements go 30 days after the run that read their interchanges, whether another route has read them or
      not.

    It may be stopped anywhere and started again. ``now``: seconds since the epoch.
    """
    with database.read() as connection:
        numbers = {row.name: row.id for row in connection.execute(select(tables.route.c.name, tables.route.c.id))}
    runs, histories, staging = 0, 0, list[StagedRun]()
    for name, retention in routes.items():
        if (route_id := numbers.get(name)) is None:
            continue
        old = now - retention.history.total_seconds()
        _abandon(database, route_id, now - retention.payloads.total_seconds() - ABANDONED_SECONDS)
        with database.read() as connection:
            beyond = _beyond(connection, route_id, retention.runs)
            old_payloads = now - retention.payloads.total_seconds()
            staging += _removable(connection, route_id, beyond, old_payloads, now - UNREAD_SECONDS)
            doomed = _forgettable(connection, route_id, beyond, old)
        runs += _delete_runs(database, route_id, doomed, batch)
        trimmed = update(entity).where(entity.c.last_seen < old, entity.c.history != "", _CLOSED).values(history="")
        histories += _everywhere(database, route_id, trimmed, batch)
        _change(database, route_id, _old_steps(route_id, old))
        _change(database, route_id, _old_acknowledgements(route_id, now - UNREAD_SECONDS))
    return Pruned(runs, histories, tuple(staging))


def _old_steps(route_id: int, old: float) -> Delete:
    """What targets had confirmed of entities that were skipped, or came to another end undelivered, long ago."""
    closed = select(entity.c.key).where(entity.c.route_id == route_id, entity.c.last_seen < old, _CLOSED)
    return delete(tables.progress).where(tables.progress.c.route_id == route_id, tables.progress.c.key.in_(closed))


def _old_acknowledgements(route_id: int, before: float) -> Delete:
    """Never the newest one of a route: its number would come again, and nobody would know that others are gone."""
    answer = tables.acknowledgement.c
    newest = select(func.max(answer.number)).where(answer.route_id == route_id).scalar_subquery()
    of_route = (answer.route_id == route_id, answer.at < before)
    return delete(tables.acknowledgement).where(*of_route, answer.number < newest)


def _abandon(database: Database, route_id: int, began_before: float) -> None:
    """From now on a run as any other that ended when it began."""
    began = func.coalesce(run.c.again, run.c.started)
    needed_by_none = (*_unneeded(entity.c.payload_run), *_unneeded(entity.c.run))
    _change(
        database,
        route_id,
        update(run)
        .where(run.c.route_id == route_id, run.c.finished.is_(None), began < began_before, *needed_by_none)
        .values(finished=began, verdict=_NEVER_ENDED),
    )


def forget_staging(database: Database, run_ids: Collection[int], *, batch: int = BATCH) -> None:
    """Notes that the folders of these runs were removed: nothing points there any more.

    A run that has begun again in the meantime has a folder again, and keeps it.
    """
    with database.read() as connection:
        routes = connection.scalars(select(run.c.route_id).where(run.c.finished.is_not(None)).distinct()).all()
    for route_id in routes:
        for some in _chunks(sorted(run_ids), 500):
            _forget(database, route_id, some, batch)


def _forget(database: Database, route_id: int, run_ids: Sequence[int], batch: int) -> None:
    with database.read() as connection:
        chosen = select(run.c.id).where(run.c.route_id == route_id, run.c.id.in_(run_ids), run.c.finished.is_not(None))
        if not (removed := connection.scalars(chosen).all()):
            return
    pointers = dict.fromkeys(("payload_run", "payload_stage", "payload_at"))
    _everywhere(database, route_id, update(entity).where(entity.c.payload_run.in_(removed)).values(pointers), batch)
    _change(
        database, route_id, update(run).where(run.c.id.in_(removed), run.c.finished.is_not(None)).values(staging="")
    )


def usage(database: Database) -> Usage:
    """Counts every row: about a tenth of a second per million entities."""
    with database.read() as connection:
        return Usage(
            entities=_number(connection, select(func.count()).select_from(entity)),
            open=_number(connection, select(func.count()).select_from(entity).where(OPEN)),
            runs=_number(connection, select(func.count()).select_from(run)),
            database_bytes=_number(connection, text(_SIZE[database.dialect])),
            staged_bytes=_number(connection, select(func.sum(run.c.bytes)).where(run.c.staging != "")),
        )


_SIZE = {
    "sqlite": "SELECT (page_count - freelist_count) * page_size "
    "FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    "postgresql": "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' "
    "AND relname LIKE 'integrations!_%' ESCAPE '!' AND pg_table_is_visible(oid)",
}


def _number(connection: Connection, query: Executable) -> int:
    return int(connection.scalar(query) or 0)


def _beyond(connection: Connection, route_id: int, newest: int) -> int:
    """The number of the newest run that is not among the ``newest``; 0: there are no more."""
    query = select(run.c.id).where(run.c.route_id == route_id).order_by(run.c.id.desc()).offset(newest).limit(1)
    return _number(connection, query)


def _removable(connection: Connection, route_id: int, beyond: int, old: float, unread_before: float) -> list[StagedRun]:
    done = read_by_all(connection, route_id)
    unneeded = true() if done is None else or_(run.c.fetched.is_(None), run.c.fetched <= done)
    query = (
        select(run.c.id, run.c.staging)
        .where(run.c.route_id == route_id, run.c.staging != "", or_(run.c.finished < old, run.c.id <= beyond))
        .where(run.c.finished.is_not(None), *_unneeded(entity.c.payload_run))
        .where(or_(unneeded, run.c.finished < unread_before))
        .order_by(run.c.id)
    )
    return [StagedRun(*row) for row in connection.execute(query)]


def _forgettable(connection: Connection, route_id: int, beyond: int, old: float) -> Sequence[int]:
    """Never the newest run of a route: SQLite would give its number to the next run, which old rows then name."""
    query = (
        select(run.c.id)
        .where(run.c.route_id == route_id, run.c.staging == "", run.c.finished < old, run.c.id <= beyond)
        .where(*_unneeded(entity.c.payload_run), *_unneeded(entity.c.run))
        .order_by(run.c.id)
    )
    return connection.scalars(query).all()


def _unneeded(pointer: ColumnElement[int | None]) -> tuple[ColumnElement[bool], ...]:
    """No open entity's ``pointer`` names the run, and no claim. Open ones of all routes: asked for those of one route,
    SQLite would read all of its entities instead of the index of the open ones."""
    pointed_at = select(pointer).where(pointer.is_not(None), OPEN)
    return run.c.id.not_in(pointed_at), run.c.id.not_in(select(claim.c.run))


def _delete_runs(database: Database, route_id: int, doomed: Sequence[int], batch: int) -> int:
    """An open entity can have come to point at a run since it was chosen, so that is asked again."""
    unneeded = (*_unneeded(entity.c.payload_run), *_unneeded(entity.c.run))
    deleted = sum(
        _change(database, route_id, delete(run).where(run.c.id.in_(some), run.c.staging == "", *unneeded))
        for some in _chunks(doomed, min(batch, 500))
    )
    if deleted:
        _change(database, route_id, delete(part).where(part.c.run.not_in(select(run.c.id))))
    return deleted


def _everywhere(database: Database, route_id: int, change: Update, batch: int) -> int:
    """Makes the ``change`` to the route's entities, a stretch of keys a transaction; returns to how many."""
    return sum(_change(database, route_id, change.where(stretch)) for stretch in _stretches(database, route_id, batch))


def _change(database: Database, route_id: int, statement: Update | Delete) -> int:
    """Takes turns with the runs of the route: two that lock the same rows in another order would deadlock."""

    def work(connection: Connection) -> int:
        lock_route(connection, route_id)
        return connection.execute(statement).rowcount

    return database.transact(work)


def _stretches(database: Database, route_id: int, batch: int) -> Iterator[ColumnElement[bool]]:
    """Conditions that hold for ``batch`` of the route's entities each, in the order of their keys."""
    of_route, after = entity.c.route_id == route_id, true()
    while True:
        with database.read() as connection:
            query = select(entity.c.key).where(of_route, after).order_by(entity.c.key).offset(batch - 1).limit(1)
            last = connection.scalar(query)
        if last is None:
            yield and_(of_route, after)
            return
        yield and_(of_route, after, entity.c.key <= last)
        after = entity.c.key > last


def _chunks(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))
