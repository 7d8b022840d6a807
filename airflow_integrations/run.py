"""One run of a route: what was asked of it, and the surroundings it works in.

Time, randomness, network, Connections and Variables enter here and nowhere else.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from airflow_integrations.entity import Entity
from airflow_integrations.errors import SetupError
from airflow_integrations.expressions import Namespace
from airflow_integrations.ledger.records import RetryWanted, RunKind
from airflow_integrations.plurals import counted, sized
from airflow_integrations.route.definition import Priority, Route
from airflow_integrations.window import Window

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint, HttpClient
    from airflow_integrations.http.limits import Pace
    from airflow_integrations.http.observer import Observer
    from airflow_integrations.http.origin import Origin
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.route.incremental import Partition
    from airflow_integrations.sql.database import Database
    from airflow_integrations.sql.session import Session

__all__ = ["Connections", "Run", "Services", "entity_names"]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run is asked to do. Everything in it is fixed before the first request."""

    route: Route
    run_id: str
    window: Window
    params: Mapping[str, Any] = field(default_factory=dict)
    """The route's own params: defaults, overlaid with what the run was given."""
    keys: frozenset[str] | None = None
    """Only entities with these keys."""
    entities: tuple[Any, ...] | None = None
    """These entities instead of a fetch."""
    limit: int | None = None
    """At most so many entities."""
    dry_run: bool = False
    """Fetch and transform, send nothing."""
    kind: RunKind = "manual"
    """What started it. Backfills and windows that were asked for do not move the route's mark."""
    interval: Window | None = None
    """Airflow's data interval: what ``ds``, ``data_interval_start`` … mean. The window where there is none."""
    explicit: bool = False
    """The window was asked for: it is exactly this one."""
    cursor: str | None = None
    """What the source is asked for to be newer than, where the route has a cursor."""
    retry: RetryWanted | None = None
    """Take over open entities of earlier runs that this names, and fetch nothing. Those that are due by themselves go
    with every run."""
    events: bool = False
    """Take what waits in the route's inbox, and of other routes' fetches, and ask no source. Runs that fetch take it
    along."""
    leaves_out: bool = False
    """A part of the source that cannot be read may be left out while the others can: the route's mark and cursor stay
    then, and its next run asks for everything again."""
    event_age: float = 0.0
    """Seconds that an event has waited before the run takes it along: fresh ones have a run of their own coming."""
    partition: Partition | None = None
    """Only this part of what the route's ``partitions`` divide its source into. None: all of them."""


class Connections(Protocol):
    """Where Endpoints and Variables come from: Airflow in production, plain dictionaries in tests."""

    def endpoint(self, connection: str) -> Endpoint:
        """The HTTP endpoint of a Connection. Raises SetupError where it is missing or not usable."""
        ...

    def variable(self, name: str) -> str | None:
        """An Airflow Variable's text, or None where it does not exist."""
        ...


class Services:
    """The surroundings of one stage. One HTTP client per Connection, opened on first use, closed at the end."""

    def __init__(
        self,
        connections: Connections,
        *,
        log: logging.Logger | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        progress: Callable[[str, Mapping[str, int]], None] | None = None,
        ledger: Ledger | None = None,
        watch: Observer | None = None,
        others: Ledger | None = None,
    ) -> None:
        import asyncio  # a tenth of a second, which who only reads a route file does without

        self.connections = connections
        self.log = log or logging.getLogger("airflow_integrations")
        self.sleep = sleep or asyncio.sleep
        self.now = now
        self.monotonic = monotonic
        """Seconds of a clock that nobody sets: for how long something takes."""
        self.rng = rng or random.Random()  # noqa: S311 - dice for back-off
        self.progress = progress
        """Called now and then with a stage's name and its counts so far."""
        self.watch = watch
        self.rehearsal: Callable[[str, str, str, bytes], None] | None = None
        """Where nothing is to be sent: told of what would be, by Connection, what is done, to what, and the content."""
        self.creates = True
        """Whether lookups may create at the service what they do not find."""
        self.waits_at_most: float | None = None
        """Seconds. Who has to wait longer for another system may raise PostponedError; None: everybody waits here."""
        self.priority: Priority = "normal"
        """That of the route, whose requests wait for those of more urgent ones to the same Connection."""
        self._ledger = ledger
        self._others = others
        self._clients: dict[str, HttpClient] = {}
        self._sessions: dict[str, Session] = {}
        self._opening = asyncio.Lock()
        self._told: dict[str, tuple[float, ...]] = {}
        self._stack = AsyncExitStack()

    @property
    def ledger(self) -> Ledger:
        """The books. Where none was given: some that are forgotten with this object, for tests and previews."""
        if self._ledger is None:
            from airflow_integrations.ledger.ledger import Ledger

            self._ledger = Ledger.temporary()
        return self._ledger

    @property
    def others(self) -> Ledger:
        """Where other routes' fetches are looked up: the books, but for a preview (:attr:`previews`)."""
        return self._others or self.ledger

    @property
    def previews(self) -> bool:
        """Whether nothing of this is to last: ``others`` is only read."""
        return self._others is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._clients.clear()
        self._sessions.clear()
        await self._stack.aclose()

    async def client(self, connection: str) -> HttpClient:
        """The HTTP client for a Connection; the same one for the whole stage, however many ask for it at once."""
        async with self._opening:
            if connection not in self._clients:
                import asyncio

                from airflow_integrations.http import HttpClient

                endpoint = await asyncio.to_thread(self.connections.endpoint, connection)
                client = HttpClient(
                    endpoint,
                    sleep=self.sleep,
                    now=self.now,
                    rng=self.rng,
                    log=self.log,
                    watch=self.watch,
                    pace=self._pace(endpoint),
                )
                self._clients[connection] = await self._stack.enter_async_context(client)
            return self._clients[connection]

    def _lasting_ledger(self) -> Ledger | None:
        return self._ledger

    def _pace(self, endpoint: Endpoint) -> Pace | None:
        """That of all processes with this ledger; None: there is no limit, or no ledger that lasts."""
        ledger = self._lasting_ledger() if endpoint.requests_per_second is not None else None
        if ledger is None:
            return None
        from airflow_integrations.ledger.pace import SharedPace

        return SharedPace(ledger, endpoint.name, priority=self.priority, now=self.now, rng=self.rng, log=self.log)

    def database(self, connection: str) -> Database:
        """The database of a Connection. Raises SetupError where it is missing or no database."""
        from airflow_integrations.sql.database import Databases

        if not isinstance(self.connections, Databases):
            raise SetupError(
                f"Connection {connection!r} is a database, and there is none here; give the entities themselves, such "
                "as given.entities in a route test"
            )
        return self.connections.database(connection)

    async def session(self, connection: str) -> Session:
        """A connection to the database of a Connection; the same one for the whole stage. What is asked of it waits for
        what was asked before. Raises SetupError and OutageError."""
        async with self._opening:
            if connection not in self._sessions:
                import asyncio

                from airflow_integrations.sql.session import Session

                database = await asyncio.to_thread(self.database, connection)
                self._sessions[connection] = await self._stack.enter_async_context(Session(database))
            return self._sessions[connection]

    async def client_elsewhere(self, connection: str, origin: Origin) -> HttpClient:
        """A client for another origin that a Connection's system has named: with the Connection's time-outs and proxy,
        and without anything that says who we are."""
        name = f"{connection} ({origin})"
        endpoint = (await self.client(connection)).endpoint
        async with self._opening:
            if name not in self._clients:
                self._clients[name] = await self._stack.enter_async_context(self._anonymous(endpoint, origin))
            return self._clients[name]

    def _anonymous(self, endpoint: Endpoint, origin: Origin) -> HttpClient:
        from airflow_integrations.http import HttpClient

        return HttpClient(
            endpoint.elsewhere(origin), sleep=self.sleep, now=self.now, rng=self.rng, log=self.log, watch=self.watch
        )

    def signed_in(self) -> dict[str, str]:
        """How each Connection signed in to its system, of those that were asked; never with what."""
        asked = ((name, client) for name, client in self._clients.items() if client.stats.requests)
        return {name: client.endpoint.auth.how for name, client in asked if client.endpoint.auth is not None}

    def log_traffic(self) -> None:
        """Log what was asked of each Connection since this was last called, in one line each."""
        for name, client in self._clients.items():
            stats, told = client.stats, self._told.get(name)
            now = (stats.requests, stats.retries, stats.received, stats.answering, stats.waited)
            requests, retries, received, answering, waited = (
                now if told is None else (new - old for new, old in zip(now, told, strict=True))
            )
            self._told[name] = now
            if requests:
                again = f", {counted(int(retries), 'retry')}" if retries else ""
                self.log.info(
                    "Connection %s: %s%s, %s received, %.1f s for answers, %.1f s waited",
                    name,
                    counted(int(requests), "request"),
                    again,
                    sized(int(received)),
                    answering,
                    waited,
                )

    def base_names(self, run: Run) -> dict[str, Any]:
        """The names every expression and template of a run sees: ``window``, ``params``, ``var``."""
        return {
            "window": run.window.names(),
            "params": dict(run.params),
            "var": Namespace("var", self.connections.variable),
            **((run.interval or run.window).aliases() if run.route.schedule else {}),
        }


def entity_names(base: Mapping[str, Any], name: str, entity: Entity) -> dict[str, Any]:
    """``base`` and what expressions over one entity see besides: the entity, ``source``, what lookups found.

    ``_meter`` is what they may build together: it is that of the step for which the names are made.
    """
    names = {**base, "_meter": [0, 0], name: entity.value, "source": entity.source}
    if entity.found:
        names.update(entity.found)
    return names
