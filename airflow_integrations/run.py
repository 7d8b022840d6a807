"""One run of a route: what was asked of it, and the surroundings it works in.

Time, randomness, network, Connections and Variables enter here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from airflow_integrations.entity import Entity
from airflow_integrations.expressions import Namespace
from airflow_integrations.ledger.records import RetryWanted, RunKind
from airflow_integrations.route import Route
from airflow_integrations.window import Window

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint, HttpClient
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.watch import Watch

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
    """Take what waits in the route's inbox, and fetch nothing. Runs that fetch take it along."""


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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        progress: Callable[[str, Mapping[str, int]], None] | None = None,
        ledger: Ledger | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.connections = connections
        self.log = log or logging.getLogger("airflow_integrations")
        self.sleep = sleep
        self.now = now
        self.rng = rng or random.Random()  # noqa: S311 - dice for back-off
        self.progress = progress
        """Called now and then with a stage's name and its counts so far."""
        self.watch = watch
        self._ledger = ledger
        self._clients: dict[str, HttpClient] = {}
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    @property
    def ledger(self) -> Ledger:
        """The books. Where none was given: some that are forgotten with this object, for tests and previews."""
        if self._ledger is None:
            from airflow_integrations.ledger.ledger import Ledger

            self._ledger = Ledger.temporary()
        return self._ledger

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._clients.clear()
        await self._stack.aclose()

    async def client(self, connection: str) -> HttpClient:
        """The HTTP client for a Connection; the same one for the whole stage, however many ask for it at once."""
        async with self._opening:
            if connection not in self._clients:
                from airflow_integrations.http import HttpClient

                endpoint = await asyncio.to_thread(self.connections.endpoint, connection)
                client = HttpClient(
                    endpoint, sleep=self.sleep, now=self.now, rng=self.rng, log=self.log, watch=self.watch
                )
                self._clients[connection] = await self._stack.enter_async_context(client)
            return self._clients[connection]

    def base_names(self, run: Run) -> dict[str, Any]:
        """The names every expression and template of a run sees: ``window``, ``params``, ``var``."""
        return {
            "window": run.window.names(),
            "params": dict(run.params),
            "var": Namespace("var", self.connections.variable),
            **((run.interval or run.window).aliases() if run.route.schedule else {}),
        }


def entity_names(base: Mapping[str, Any], name: str, entity: Entity) -> dict[str, Any]:
    """``base`` and what expressions over one entity see besides: the entity, ``source``, what lookups found."""
    names = {**base, name: entity.value, "source": entity.source}
    if entity.found:
        names.update(entity.found)
    return names
