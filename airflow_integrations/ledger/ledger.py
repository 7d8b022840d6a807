"""The ledger: what became of every entity of every route, and who has which of them under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from airflow_integrations.ledger import conclusion, definitions, for_fetch, reservation, runs, taking_over
from airflow_integrations.ledger.database import Database, Dialect
from airflow_integrations.ledger.inbox import Inbox, close_events
from airflow_integrations.ledger.lookup import route_number
from airflow_integrations.ledger.records import (
    Due,
    Known,
    Lapsed,
    Outcome,
    Reservation,
    RetryWanted,
    RouteState,
    RunKind,
    RunRef,
)
from airflow_integrations.window import Window

__all__ = ["Ledger"]

KEYS_AT_ONCE = 10_000
"""Keys that one statement asks for."""


class Ledger:
    """Thread-safe; also a context manager that closes it. Times are seconds since the epoch.

    Every method is one transaction. All of them raise :class:`OutageError` where the database is away or full;
    trying again is safe: what a lost connection left unknown is done once however often it is asked for, except
    :meth:`conclude` without ``applied``, which counts a delivery again, and :meth:`outage`.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str, *, synced: bool = False) -> Ledger:
        """Opens the ledger at ``url`` (``sqlite:////path`` or ``postgresql://…``); creates or migrates it.

        ``synced``: as :meth:`Database.open` has it.
        Raises :class:`SetupError` where the URL or the schema's version does not fit, and :class:`OutageError`
        where the database is away.
        """
        return cls(Database.open(url, synced=synced))

    @classmethod
    def temporary(cls) -> Ledger:
        """An empty one in memory, gone when it is closed."""
        return cls(Database.temporary())

    @property
    def inbox(self) -> Inbox:
        """What came from outside and waits for a run."""
        return Inbox(self.database)

    @property
    def dialect(self) -> Dialect:
        return self.database.dialect

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin_run(
        self, route: str, run_id: str, *, kind: RunKind, window: Window, route_hash: str, staging: str, now: float
    ) -> RunRef:
        """Opens the books of a run. A run that is known keeps when it started and what is in its books."""
        return self.database.transact(
            lambda connection: runs.begin(
                connection,
                route,
                run_id,
                kind=kind,
                window=window,
                route_hash=route_hash,
                staging=staging,
                now=now,
            )
        )

    def remember_definition(self, run: RunRef, route_hash: str, text: Callable[[], str], now: float) -> None:
        """Keeps what the run works by. ``text`` is called where that is not known yet."""
        self.database.transact(lambda connection: definitions.remember(connection, run.route_id, route_hash, text, now))

    def run(self, route: str, run_id: str) -> RunRef | None:
        """None: the ledger does not know it."""
        with self.database.read() as connection:
            return runs.find(connection, route, run_id)

    def route_state(self, route: str) -> RouteState:
        """What the next run of the route begins with; of a route that never ran: nothing."""
        with self.database.read() as connection:
            return runs.state(connection, route)

    def restart_push(self, run: RunRef) -> None:
        """The run's journal was cleared: none of its lines is applied, and its leases are given up."""
        self.database.transact(lambda connection: runs.restart_push(connection, run))

    def rewind(self, run: RunRef, applied: int) -> None:
        """The run's journal lost lines that were applied: those that it gets now are counted from ``applied`` on."""
        self.database.transact(lambda connection: runs.rewind(connection, run, applied))

    def applied(self, run: RunRef) -> int:
        """How many lines of the run's journal are in the ledger."""
        with self.database.read() as connection:
            return runs.applied(connection, run)

    def finish_run(
        self,
        run: RunRef,
        *,
        counts: Mapping[str, int],
        seconds: Mapping[str, float],
        verdict: str | None,
        bytes: int,  # noqa: A002
        mark: datetime | None,
        cursor: str | None,
        now: float,
        decided: bool = True,
        staged_events: Sequence[int] | None = None,
    ) -> None:
        """Closes the books of a run.

        ``mark`` moves the route's mark forwards, never back; ``cursor`` replaces the route's; None leaves them.
        The run's leases are given up. What it took over and did not decide is *retrying* again, due at once. The events
        that it took are done, or, where not all of its entities are ``decided``, wait for another run; so do those that
        are not among ``staged_events``, where these are named.
        """
        self.database.transact(
            lambda connection: runs.finish(
                connection,
                run,
                counts=counts,
                seconds=seconds,
                verdict=verdict,
                size=bytes,
                mark=mark,
                cursor=cursor,
                decided=decided,
                staged_events=staged_events,
                now=now,
            )
        )

    def outage(self, route_id: int, *, until: float | None) -> None:
        """One more outage in a row of the route's target: nothing is sent before ``until``. None: it is back."""
        self.database.transact(lambda connection: runs.outage(connection, route_id, until=until))

    def reserve(self, run: RunRef, keys: Sequence[str], *, first: int, lease_until: float, now: float) -> Reservation:
        """Leases the keys, which are the run's entities ``first``, ``first + 1``, …, and tells what is known of them.

        Replaces earlier leases of the run that overlap with these ordinals. Keys that another run has leased or taken
        over are ``taken``; where that run's lease has passed they are free, and that run cannot renew it any more.
        """
        return self.database.transact(
            lambda connection: reservation.reserve(connection, run, keys, first=first, lease_until=lease_until, now=now)
        )

    def known(self, route: str, keys: Sequence[str]) -> dict[str, Known]:
        """What is known of those keys that the ledger has seen; nothing is leased. Unknown routes have none."""
        found: dict[str, Known] = {}
        with self.database.read() as connection:
            if (route_id := route_number(connection, route)) is not None:
                for first in range(0, len(keys), KEYS_AT_ONCE):
                    found |= reservation.known(connection, route_id, keys[first : first + KEYS_AT_ONCE])
        return found

    def renew(self, run: RunRef, *, lease_until: float) -> int:
        """Prolongs all that the run has leased or taken over. How many reservations are still its own.

        Fewer than it has made: a lease passed and another run took keys of it; the run must not send any more of those
        and reserves again what it has not decided.
        """
        return self.database.transact(lambda connection: reservation.renew(connection, run, lease_until=lease_until))

    def release(self, run: RunRef) -> None:
        """Gives up all leases of the run."""
        self.database.transact(lambda connection: reservation.release(connection, run))

    def abandon(self, run: RunRef) -> None:
        """The run is dead and has left nothing: its leases end, and the events that it had taken wait again."""

        def write(connection: Connection) -> None:
            reservation.release(connection, run)
            close_events(connection, run, decided=False, now=0.0)

        self.database.transact(write)

    def conclude(
        self,
        run: RunRef,
        outcomes: Sequence[Outcome],
        *,
        now: float,
        claims: Sequence[int] = (),
        applied: int | None = None,
    ) -> None:
        """Writes what became of entities, gives up ``claims`` and stores that ``applied`` journal lines are done.

        All or nothing. Where as many lines are already applied, the outcomes are not written again; so outcomes that
        have no line in the journal go without ``applied``. Raises ValueError for a status that a run cannot leave an
        entity with, *pending* and *in_flight*.
        """
        self.database.transact(
            lambda connection: conclusion.conclude(connection, run, outcomes, now=now, claims=claims, applied=applied)
        )

    def seen(self, run: RunRef, keys: Iterable[Sequence[str]], now: float) -> None:
        """The run's fetch had these keys, given in pieces of some thousands. Unknown ones are passed over."""
        pieces = list(keys)
        self.database.transact(lambda connection: taking_over.seen(connection, run, pieces, now))

    def take_due(
        self, run: RunRef, *, now: float, lease_until: float, limit: int, wanted: RetryWanted | None = None
    ) -> list[Due]:
        """Entities of earlier runs that the run takes over, at most ``limit``, the longest due first; *pending* then.

        Without ``wanted``: those due by themselves, and those of runs that died after having taken them. With it: those
        that fit all that it names, due or not; *open* ones where it names no status. Never what another run has leased.

        What an earlier attempt of this run took comes again; so all pages of one attempt name the same ``lease_until``,
        and nothing is renewed between them.
        """
        return self.database.transact(
            lambda connection: taking_over.take_due(
                connection, run, now=now, lease_until=lease_until, limit=limit, wanted=wanted
            )
        )

    def vanished(self, run: RunRef, *, limit: int, after: str | None = None) -> list[tuple[str, str | None]]:
        """Key and target id of what was delivered, and not deleted since, and the run's fetch has not :meth:`seen`.

        In the order of the keys, beginning after ``after``. Without what any run has under way.
        """
        with self.database.read() as connection:
            return taking_over.vanished(connection, run, limit=limit, after=after)

    def lapsed(self, route: str | None, now: float) -> list[Lapsed]:
        """Runs of the route, or of all, that died with entities under way; the oldest first."""
        with self.database.read() as connection:
            return taking_over.lapsed(connection, route, now)

    def adopt(self, run: RunRef, *, until: float, now: float) -> bool:
        """Whether the caller may close the books of a run that died; until then nobody else may."""
        return self.database.transact(lambda connection: runs.adopt(connection, run, until=until, now=now))

    def run_window(self, route: str, run_id: str) -> Window | None:
        """The window that a run was begun with; None where the ledger does not know the run."""
        with self.database.read() as connection:
            return for_fetch.run_window(connection, route, run_id)

    def first_window(self, route: str) -> datetime | None:
        """Where the earliest window begins that a run by schedule of the route was begun with."""
        with self.database.read() as connection:
            return for_fetch.first_window(connection, route)

    def kept_in(self, run: RunRef) -> list[str]:
        """Keys of entities that nothing became of yet and whose payload lies in this run's folder, but for those in
        doubt that are held for a person."""
        with self.database.read() as connection:
            return for_fetch.kept_in(connection, run)

    def undecided(self, run: RunRef, keys: Sequence[str]) -> list[str]:
        """Those of the keys that the run has not decided the fate of, some thousands at a time."""
        with self.database.read() as connection:
            return for_fetch.undecided(connection, run, keys)

    def delivered_count(self, run: RunRef) -> int:
        """How many entities of the run's route were delivered and not deleted since."""
        with self.database.read() as connection:
            return for_fetch.delivered_count(connection, run)

    def vanished_count(self, run: RunRef) -> int:
        """How many of these the run's fetch has not :meth:`seen`."""
        with self.database.read() as connection:
            return for_fetch.vanished_count(connection, run)
