"""The inbox: events from outside, kept until a run has decided what becomes of their entities.

Asset events and triggered runs are only the doorbell. Whatever rings, or fails to, what waits here goes with the
route's next run.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from airflow_integrations.ledger.inbox.event_rows import NewEvent, Put, insert_events
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import lock_leases
from airflow_integrations.ledger.storage.route_ids import number_of

if TYPE_CHECKING:
    from airflow_integrations.ledger.records import RunRef
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Inbox", "TakenEvent", "Waiting", "close_events", "renew_events"]

IDS_AT_ONCE = 500
"""That one query asks for."""
MOST_QUIET = 10
"""A burst that does not end is over after so many times its ``debounce``."""
READ_BYTES = 8 * 1024 * 1024
"""Of bodies that are in memory at a time."""

_event = tables.event.c
# Made once: making a statement costs as much as its execution for a few events.
_LEASED_BY_NOBODY: Final = or_(_event.run.is_(None), _event.lease_until < bindparam("now"))
_FREE: Final = and_(tables.UNDONE, _event.route_id == bindparam("of_route"), _LEASED_BY_NOBODY)
_SIZES: Final = select(_event.id, _event.size).where(_FREE).order_by(_event.id).limit(bindparam("most"))
_TAKE: Final = (
    update(tables.event)
    .where(_FREE, _event.id <= bindparam("last"))
    .values(run=bindparam("by"), lease_until=bindparam("until"))
)
_EARLY: Final = _event.received <= bindparam("until_received")
_EARLY_SIZES: Final = _SIZES.where(_EARLY)
_TAKE_EARLY: Final = _TAKE.where(_EARLY)
_TAKEN: Final = (_event.id, _event.received, _event.wanted, _event.body)
_STILL_OPEN: Final = exists().where(tables.run.c.id == bindparam("by"), tables.run.c.finished.is_(None))
_GRAB_SIZES: Final = _SIZES.where(_STILL_OPEN)
_GRAB: Final = _TAKE.where(_STILL_OPEN).returning(*_TAKEN)
_OWN: Final = and_(tables.UNDONE, _event.route_id == bindparam("of_route"), _event.run == bindparam("by"))
_OWN_COUNT: Final = select(func.count()).where(_OWN)
_OWN_SIZES: Final = (
    select(_event.id, _event.size)
    .where(_OWN, _event.id > bindparam("after"))
    .order_by(_event.id)
    .limit(bindparam("most"))
)
_OWN_EVENTS: Final = (
    select(*_TAKEN).where(_OWN, _event.id > bindparam("after"), _event.id <= bindparam("last")).order_by(_event.id)
)
_RENEW: Final = update(tables.event).where(_OWN).values(lease_until=bindparam("until"))
_DONE: Final = update(tables.event).where(_OWN).values(done=bindparam("now"), body=None)
_WAITS_AGAIN: Final = update(tables.event).where(_OWN).values(run=None, lease_until=None)


class Waiting(msgspec.Struct, frozen=True):
    """What waits for a run of one route. Times are seconds since the epoch."""

    route: str
    first: int
    """The smallest number of a waiting event: as long as that one waits, one ring is enough."""
    events: int
    oldest: float
    newest: float

    def burst_ends(self, quiet: float) -> float:
        """When nothing has come for ``quiet`` seconds, at most MOST_QUIET times as long after the first."""
        return min(self.newest + quiet, self.oldest + MOST_QUIET * quiet)


class TakenEvent(msgspec.Struct, frozen=True):
    number: int
    received: float
    wanted: bool
    body: bytes


class Inbox:
    """The events of all routes of one ledger. Thread-safe. Every method is one transaction and raises
    :class:`OutageError` where the database is away or full."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[str, int] = {}
        self._learning = threading.Lock()

    def put(self, events: Sequence[NewEvent], now: float) -> list[Put]:
        """Write events, all or none. Where it returns they are on disk, if the database is one that syncs."""
        self._learn({event.route for event in events})
        rows = [(self._numbers[event.route], event) for event in events]
        return self._database.transact(lambda connection: insert_events(connection, rows, now))

    def _learn(self, routes: Collection[str]) -> None:
        """The ledger's numbers of routes, which never change."""
        if self._numbers.keys() >= set(routes):
            return
        with self._learning:
            for route in sorted(set(routes) - self._numbers.keys()):
                self._numbers[route] = self._database.transact(partial(number_of, name=route))

    def known(self, route: str, event_ids: Collection[str]) -> set[str]:
        """Those of the ids that events of the route have which came before, and are remembered."""
        self._learn([route])
        found: set[str] = set()
        ids = sorted(event_ids)
        for first in range(0, len(ids), IDS_AT_ONCE):
            some = ids[first : first + IDS_AT_ONCE]
            query = select(_event.event_id).where(_event.route_id == self._numbers[route], _event.event_id.in_(some))
            with self._database.read() as connection:
                found.update(connection.execute(query).scalars())
        return found

    def waiting(self, now: float, routes: Collection[str] | None = None, *, reachable: bool = False) -> list[Waiting]:
        """What no run has, by route: of all of them, or of these. Includes what runs had that were not heard of since
        their lease. ``reachable``: only of routes whose circuit is closed, as it is worth a run now."""
        query = _waiting(of_some=routes is not None, reachable=reachable)
        with self._database.read() as connection:
            return [Waiting(*row) for row in connection.execute(query, {"now": now, "routes": sorted(routes or ())})]

    def take(
        self,
        run: RunRef,
        *,
        limit: int,
        max_bytes: int,
        lease_until: float,
        now: float,
        received_until: float | None = None,
    ) -> int:
        """The run takes the oldest events that wait, at most ``limit``, and no more when ``max_bytes`` are reached;
        with ``received_until`` only those that came until then. How many are its own now, with what an earlier attempt
        of it took, which counts towards none of these bounds."""
        return self._database.transact(
            lambda connection: _take(connection, run, limit, max_bytes, lease_until, now, received_until)
        )

    def grab(self, run: RunRef, *, limit: int, max_bytes: int, lease_until: float, now: float) -> list[TakenEvent]:
        """The same, and what is taken now, in the order in which it came: for a consumer that keeps it in memory.

        Nothing where somebody has closed the run's books, because it was taken to be dead.
        """
        free = {"of_route": run.route_id, "now": now, "by": run.id}

        def write(connection: Connection) -> list[TakenEvent]:
            lock_leases(connection, run.route_id)
            count, last = _within(connection.execute(_GRAB_SIZES, free | {"most": limit}), max_bytes)
            if not count:
                return []
            rows = connection.execute(_GRAB, free | {"last": last, "until": lease_until})
            return sorted((TakenEvent(*row) for row in rows), key=lambda taken: taken.number)

        return self._database.transact(write)

    def read(self, run: RunRef, *, after: int = 0, most: int = 500, max_bytes: int = READ_BYTES) -> list[TakenEvent]:
        """What the run has taken and not closed, in the order in which it came, beginning behind ``after``: at most so
        many, or so many bytes, and at least one where there is one."""
        of = {"of_route": run.route_id, "by": run.id, "after": after}
        with self._database.read() as connection:
            count, last = _within(connection.execute(_OWN_SIZES, of | {"most": most}), max_bytes)
            if not count:
                return []
            return [TakenEvent(*row) for row in connection.execute(_OWN_EVENTS, of | {"last": last})]

    def note_keys(self, keys: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Which entities came of events whose sender waits: the event's number and their keys."""
        noted = [(number, msgspec.json.encode(list(of)).decode()) for number, of in keys]

        def write(connection: Connection) -> None:
            for number, text in noted:
                connection.execute(update(tables.event).where(_event.id == number).values(keys=text))

        if noted:
            self._database.transact(write)


def close_events(
    connection: Connection, run: RunRef, *, decided: bool, now: float, staged: Sequence[int] | None = None
) -> None:
    """The run's books are closed: the entities of its events have their fate. Those of which they have not (not
    ``decided``, or not among the ``staged`` ones, where these are named) wait again."""
    mine = {"of_route": run.route_id, "by": run.id}
    if decided:
        done = _DONE if staged is None else _DONE.where(_event.id.in_(_numbers(connection, staged)))
        connection.execute(done, {**mine, "now": now})
    if not decided or staged is not None:
        connection.execute(_WAITS_AGAIN, mine)


def _numbers(connection: Connection, numbers: Sequence[int]) -> Any:
    """SQL: these, of which there may be thousands."""
    if connection.dialect.name == "postgresql":
        return select(func.unnest(literal(list(numbers), ARRAY(BigInteger))))
    return select(func.json_each(literal(msgspec.json.encode(list(numbers)).decode())).table_valued("value").c.value)


def renew_events(connection: Connection, run: RunRef, *, lease_until: float) -> None:
    """What the run has taken stays its own until then."""
    connection.execute(_RENEW, {"of_route": run.route_id, "by": run.id, "until": lease_until})


@cache
def _waiting(*, of_some: bool, reachable: bool) -> Select[Any]:
    route = tables.route.c
    query = (
        select(route.name, func.min(_event.id), func.count(), func.min(_event.received), func.max(_event.received))
        .join(tables.route, route.id == _event.route_id)
        .where(tables.UNDONE, _LEASED_BY_NOBODY)
        .group_by(route.name)
        .order_by(route.name)
    )
    if of_some:
        query = query.where(route.name.in_(bindparam("routes", expanding=True)))
    return query.where(route.circuit_until <= bindparam("now")) if reachable else query


def _take(
    connection: Connection,
    run: RunRef,
    limit: int,
    max_bytes: int,
    lease_until: float,
    now: float,
    received_until: float | None,
) -> int:
    lock_leases(connection, run.route_id)
    renew_events(connection, run, lease_until=lease_until)
    free: dict[str, Any] = {"of_route": run.route_id, "now": now}
    sizes, take = _SIZES, _TAKE
    if received_until is not None:
        free["until_received"] = received_until
        sizes, take = _EARLY_SIZES, _TAKE_EARLY
    count, last = _within(connection.execute(sizes, free | {"most": limit}), max_bytes)
    if count:
        connection.execute(take, free | {"last": last, "by": run.id, "until": lease_until})
    return int(connection.execute(_OWN_COUNT, {"of_route": run.route_id, "by": run.id}).scalar_one())


def _within(sizes: Iterable[Any], max_bytes: int) -> tuple[int, int]:
    """How many events, given as numbers and sizes, have at most ``max_bytes`` together, but at least one; and the
    number of the last of them."""
    count = last = total = 0
    for number, size in sizes:
        if count and total + size > max_bytes:
            break
        count, last, total = count + 1, number, total + size
    return count, last
