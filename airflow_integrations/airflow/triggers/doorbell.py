"""The doorbell: a route with something in its inbox gets a run.

The inbox is the truth. A run is named after the first event that waits, so that one ring is enough until that event is
taken, however many events, threads and API servers there are; one that is lost is made good by the next look, and where
no API server is left, by the maintenance DAG.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import IntegrationError
from airflow_integrations.route.definition import PRIORITIES, Route

if TYPE_CHECKING:
    from airflow_integrations.airflow.triggers.trigger_dag import Rung
    from airflow_integrations.ledger.inbox.inbox import Inbox

__all__ = ["EVENTS", "Doorbell", "ring_name"]

log = logging.getLogger("airflow_integrations")

EVENTS: Mapping[str, Any] = {"events": True}
"""The conf of a run that takes what waits."""
JOINED_SECONDS = 0.02
LOOK_SECONDS = 2.0
"""Without being rung it looks so often: for what a run left because of ``max_batch``."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
"""Seconds until the next try where Airflow did not take a ring; doubled each time."""


def ring_name(first: int) -> str:
    """The id of the run that takes what waits behind the event ``first``."""
    return f"event__{first}"


class Doorbell:
    """One a process; its thread begins with the first ring and rings for one route after the other.

    ``routes`` gives the routes as they are now, ``trigger`` makes a run: route, run id, conf. ``served`` says which
    routes have a consumer at a moment: it hears by itself; ``fetched`` which have yet to read what another one fetched,
    and the number of the newest such fetch; ``woken`` which have entities for which another route has delivered what
    they wait for, and the number of the last such time.
    """

    def __init__(
        self,
        inbox: Inbox,
        routes: Callable[[], Mapping[str, Route]],
        trigger: Callable[[Route, str, Mapping[str, Any]], Rung],
        *,
        served: Callable[[float], Collection[str]] = lambda now: (),
        fetched: Callable[[float], Mapping[str, int]] = lambda now: {},
        woken: Callable[[float], Mapping[str, int]] = lambda now: {},
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._served = served
        self._fetched = fetched
        self._woken = woken
        self._routes = routes
        self._trigger = trigger
        self._now = now
        self._wake = threading.Condition()
        self._dirty: set[str] = set()
        self._rung: dict[str, int] = {}
        self._newest: dict[tuple[str, str], str] = {}
        """By route and kind, the last run that was rung for what other routes have done."""
        self._later: dict[str, float] = {}
        """Not before these moments: a burst that has not ended, or Airflow that did not take a ring."""
        self._failures: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def ring(self, routes: Iterable[str]) -> None:
        """Something new waits for these routes. Returns at once, from any thread."""
        with self._wake:
            self._dirty.update(routes)
            self._wake.notify()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="integrations-doorbell", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread; a ring that is under way is waited for."""
        with self._wake:
            self._closed = True
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        look_at = self._now()
        while True:
            with self._wake:
                pause = min([look_at, *self._later.values()]) - self._now()
                if not self._dirty and not self._closed and pause > 0:
                    self._wake.wait(pause)
                if self._closed:
                    return
                dirty, self._dirty = self._dirty, set()
            time.sleep(JOINED_SECONDS)  # what comes within a moment is one look at the inbox
            now = self._now()
            asked = dirty | {route for route, moment in self._later.items() if moment <= now}
            looks = now >= look_at
            if looks:
                look_at = now + LOOK_SECONDS
            elif not asked:
                continue
            try:
                self._answer(asked, looks=looks)
                if looks:
                    self._read_on()
            except IntegrationError as error:
                log.warning("the inbox cannot be looked at, and is again in %g s: %s", LOOK_SECONDS, error)
            except Exception:
                log.exception("the doorbell met an error, and goes on")

    def _answer(self, asked: set[str], *, looks: bool) -> None:
        """``asked``: routes that somebody rang for, or whose time has come. ``looks``: and all others."""
        known = self._routes()
        waits = self._inbox.waiting(self._now(), None if looks else asked, reachable=True)
        for name in (set(self._later) if looks else asked) - {waiting.route for waiting in waits}:
            if not self._pausing(name):
                self._later.pop(name, None)
        served = self._served(self._now()) if any(map(_is_low, known.values())) else ()
        for waiting in sorted(waits, key=lambda waiting: _urgency(known.get(waiting.route))):
            route = known.get(waiting.route)
            if self._rung.get(waiting.route) == waiting.first or route is None or waiting.route in served:
                continue
            if route.route not in asked and _listens(route):  # a trigger of the triggerer looks, and rings
                continue
            if self._pausing(waiting.route):
                continue
            debounce = route.trigger.debounce if route.trigger else None
            moment = waiting.burst_ends(debounce.total_seconds()) if debounce else 0.0
            if moment > self._now():
                self._later[waiting.route] = moment
            elif self._ring(route, ring_name(waiting.first)):
                self._rung[waiting.route] = waiting.first

    def _read_on(self) -> None:
        """Give routes a run that read what another one fetched, or whose entities waited for what it has delivered."""
        known, now = self._routes(), self._now()
        wanted = [(name, "fetched", newest) for name, newest in self._fetched(now).items()]
        if woken := self._woken(now):
            served = self._served(now)
            wanted += [(name, "woken", last) for name, last in woken.items() if name not in served]
        for name, why, number in wanted:
            run_id = f"{why}__{number}"
            if name not in known or self._newest.get((name, why)) == run_id or self._pausing(name):
                continue
            if self._ring(known[name], run_id):
                self._newest[name, why] = run_id

    def _pausing(self, name: str) -> bool:
        """Airflow did not take the last ring for this route, and it is not time for another."""
        return name in self._failures and self._later.get(name, 0.0) > self._now()

    def _ring(self, route: Route, run_id: str) -> bool:
        """Whether Airflow has taken it; else it is tried again after a pause."""
        name = route.route
        try:
            self._trigger(route, run_id, EVENTS)
        except IntegrationError as error:
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            pause = min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE)
            self._later[name] = self._now() + pause
            log.warning("%s could not be rung for, and is again in %g s: %s", name, pause, error)
            return False
        self._failures.pop(name, None)
        self._later.pop(name, None)
        return True


def _urgency(route: Route | None) -> int:
    return PRIORITIES.index(route.priority) if route is not None else len(PRIORITIES)


def _is_low(route: Route) -> bool:
    return route.trigger is not None and route.trigger.latency == "low"


def _listens(route: Route) -> bool:
    return route.trigger is not None and route.trigger.listen is not None
