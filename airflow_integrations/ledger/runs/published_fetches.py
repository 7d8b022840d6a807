"""Fetches of routes that other routes read: the source is asked once.

A fetch that is finished gets the next number of its route. A route that reads them, a subscriber, has a position: the
last number all of whose entities have their fate there. What is above it waits, staged, for the subscriber's next run.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, Select, and_, bindparam, case, delete, exists, func, insert, select, update

from airflow_integrations.ledger.acknowledgements import before_oldest_acknowledgement, newest_acknowledgement
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import lock_leases
from airflow_integrations.ledger.storage.route_ids import number_of, route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.records import RunRef
    from airflow_integrations.ledger.storage.database import Database
    from airflow_integrations.staging.manifest import ReadWhat

__all__ = ["FetchedRun", "Fetches", "Kept", "move_on", "read_by_all"]

_run = tables.run.c
_subscription = tables.subscription.c
_NUMBER: Final = select(_run.fetched).where(_run.id == bindparam("run"))
_ONE: Final = update(tables.run).where(_run.id == bindparam("of"))
_PUBLISH: Final = _ONE.values(fetched=bindparam("number"))
_TAKE_BACK: Final = _ONE.values(fetched=None)
_NEWEST: Final = select(func.max(_run.fetched)).where(_run.route_id == bindparam("route"))
_READS: Final = and_(_subscription.source_id == bindparam("route"), _subscription.what == "records")
_NEWEST_READ: Final = select(func.max(_subscription.position)).where(_READS)
_READ_AT_ALL: Final = select(exists().where(_READS))
_UNREAD: Final = select(exists().where(_READS, _subscription.position < bindparam("number")))


class FetchedRun(msgspec.Struct, frozen=True):
    """A run whose finished fetch can be read."""

    number: int
    run_id: str
    folder: str
    """Where it is staged; empty: it was removed."""
    window_end: str
    """RFC 3339."""


class Kept(msgspec.Struct, frozen=True):
    """Of a run that fetches again: the number that its fetch had, and whether a subscriber has yet to read that."""

    number: int | None
    wanted: bool


class Fetches:
    """The fetches of all routes of one ledger. Thread-safe. Every method is one transaction and raises
    :class:`OutageError` where the database is away or full; trying again is safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, run: RunRef, *, after: int | None) -> None:
        """The run's fetch is finished and staged: it gets the next number of its route, and is read from now on.

        ``after`` is the number that the run had when this fetch began; where it has another one meanwhile, that is the
        one of this fetch, and stays.
        """

        def work(connection: Connection) -> None:
            lock_leases(connection, run.route_id)
            if _number(connection, run) == after:
                number = _newest(connection, run.route_id) + 1
                connection.execute(_PUBLISH, {"of": run.id, "number": number})

        with self._database.read() as connection:
            if _number(connection, run) != after:
                return
        self._database.transact(work)

    def begin_again(self, run: RunRef) -> Kept:
        """The run fetches anew. What it had fetched before loses its number, unless a subscriber has yet to read it."""

        def work(connection: Connection) -> Kept:
            lock_leases(connection, run.route_id)
            kept = _kept(connection, run)
            if kept.number is not None and not kept.wanted:
                connection.execute(_TAKE_BACK, {"of": run.id})
                return Kept(None, wanted=False)
            return kept

        with self._database.read() as connection:
            kept = _kept(connection, run)
        return kept if kept.number is None else self._database.transact(work)

    def subscribe(self, route: str, source: str, *, oldest: bool = False, what: ReadWhat = "records") -> int:
        """From now on ``route`` reads what ``source`` fetches, or, where it did so before, goes on to; ``oldest``: also
        all that is still staged. Its position. What else it read before is forgotten.

        ``what``: ``acknowledgements`` are what the senders of its interchanges are answered, with numbers of their
        own."""

        def work(connection: Connection) -> int:
            reader, read = number_of(connection, route), number_of(connection, source)
            lock_leases(connection, reader)
            known = _position(connection, reader, read, what)
            if known is not None:
                return known
            connection.execute(delete(tables.subscription).where(_subscription.route_id == reader))
            if what == "acknowledgements":
                begin = before_oldest_acknowledgement if oldest else newest_acknowledgement
            else:
                begin = _before_oldest if oldest else _newest
            position = begin(connection, read)
            row = {"route_id": reader, "source_id": read, "position": position, "what": what}
            connection.execute(insert(tables.subscription).values(**row))
            return position

        return self._database.transact(work)

    def position(self, route: str, source: str, what: ReadWhat = "records") -> int | None:
        """The last number of ``source`` that ``route`` is done with; None: it does not read it yet."""
        with self._database.read() as connection:
            reader, read = route_number(connection, route), route_number(connection, source)
            return None if reader is None or read is None else _position(connection, reader, read, what)

    def newest(self, source: str, what: ReadWhat = "records") -> int:
        """The number of the last finished fetch, or acknowledgement, of the route; 0: there is none."""
        with self._database.read() as connection:
            read = route_number(connection, source)
            if read is None:
                return 0
            return newest_acknowledgement(connection, read) if what == "acknowledgements" else _newest(connection, read)

    def between(self, source: str, after: int, upto: int) -> list[FetchedRun]:
        """The finished fetches of the route with these numbers, in their order; ``after`` is not among them."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(_run.fetched, _run.run_id, _run.staging, _run.window_end)
                .join(tables.route, tables.route.c.id == _run.route_id)
                .where(tables.route.c.name == source, _run.fetched > after, _run.fetched <= upto)
                .order_by(_run.fetched)
            )
            return [FetchedRun(*row) for row in rows]

    def behind(self, now: float) -> dict[str, int]:
        """The routes for which a fetch or an acknowledgement of another one waits, and whose target is not known to be
        away, in the order of their names; with the number of the newest of these."""
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(_behind(), {"now": now})}

    def subscriptions(self) -> list[tuple[str, str, ReadWhat]]:
        """Which route reads which, by name, and what of it."""
        with self._database.read() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(_subscriptions())]

    def forget(self, routes: Collection[str], *, idle_since: float | None = None) -> list[str]:
        """These routes read no others any more; where ``idle_since`` is given, only those that began no run after it.
        Which they were."""

        def work(connection: Connection) -> list[str]:
            route = tables.route.c
            query = select(route.id, route.name).join(tables.subscription, _subscription.route_id == route.id)
            if idle_since is not None:
                began = func.coalesce(_run.again, _run.started)
                query = query.where(~exists().where(_run.route_id == route.id, began > idle_since))
            found = connection.execute(query.where(route.name.in_(sorted(routes))).order_by(route.name)).all()
            numbers = [row.id for row in found]
            connection.execute(delete(tables.subscription).where(_subscription.route_id.in_(numbers)))
            return [row.name for row in found]

        return self._database.transact(work) if routes else []


@cache
def _behind() -> Select[Any]:
    route, source, answers = tables.route.c, _subscription.source_id, tables.acknowledgement.c
    fetched = select(func.max(_run.fetched)).where(_run.route_id == source).scalar_subquery()
    answered = select(func.max(answers.number)).where(answers.route_id == source).scalar_subquery()
    newest = case((_subscription.what == "acknowledgements", answered), else_=fetched)
    return (
        select(route.name, newest)
        .join(tables.subscription, _subscription.route_id == route.id)
        .where(route.circuit_until <= bindparam("now"), newest > _subscription.position)
        .order_by(route.name)
    )


@cache
def _subscriptions() -> Select[Any]:
    reader, read = tables.route.alias("reader"), tables.route.alias("read")
    return (
        select(reader.c.name, read.c.name, _subscription.what)
        .select_from(tables.subscription)
        .join(reader, reader.c.id == _subscription.route_id)
        .join(read, read.c.id == _subscription.source_id)
        .order_by(reader.c.name)
    )


def move_on(connection: Connection, run: RunRef, source: str, upto: int, what: ReadWhat) -> None:
    """The run's books are closed, and all that it read of ``source`` up to this number has its fate."""
    read = select(tables.route.c.id).where(tables.route.c.name == source).scalar_subquery()
    mine = and_(_subscription.route_id == run.route_id, _subscription.source_id == read, _subscription.what == what)
    connection.execute(update(tables.subscription).where(mine, _subscription.position < upto).values(position=upto))


def read_by_all(connection: Connection, route_id: int) -> int | None:
    """The last number of the route that all of its subscribers are done with; None: it has no subscriber."""
    found: int | None = connection.scalar(
        select(func.min(_subscription.position)).where(
            _subscription.source_id == route_id, _subscription.what == "records"
        )
    )
    return found


def _number(connection: Connection, run: RunRef) -> int | None:
    found: int | None = connection.scalar(_NUMBER, {"run": run.id})
    return found


def _kept(connection: Connection, run: RunRef) -> Kept:
    number = _number(connection, run)
    unread = _READ_AT_ALL if number is None else _UNREAD
    return Kept(number, bool(connection.scalar(unread, {"route": run.route_id, "number": number})))


def _newest(connection: Connection, route_id: int) -> int:
    """Positions count, too: the run with the last number may be forgotten, and no number may come twice."""
    given = connection.scalar(_NEWEST, {"route": route_id})
    read = connection.scalar(_NEWEST_READ, {"route": route_id})
    return max(given or 0, read or 0)


def _before_oldest(connection: Connection, route_id: int) -> int:
    staged = select(func.min(_run.fetched)).where(_run.route_id == route_id, _run.staging != "")
    oldest = connection.scalar(staged)
    return _newest(connection, route_id) if oldest is None else int(oldest) - 1


def _position(connection: Connection, reader: int, read: int, what: ReadWhat) -> int | None:
    found: int | None = connection.scalar(
        select(_subscription.position).where(
            _subscription.route_id == reader, _subscription.source_id == read, _subscription.what == what
        )
    )
    return found
