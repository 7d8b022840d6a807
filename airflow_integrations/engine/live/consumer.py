"""A route's consumer: what comes into its inbox goes out at once, in live runs, one after the other.

One process at a time is a route's consumer, by a lease in the ledger. Another one stands by and goes on in the moment
in which the first one ends, or when its lease has passed; what a consumer that died had in flight is recovered then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from airflow_integrations.engine.disk_space import make_room
from airflow_integrations.engine.live.live_run import LiveRun
from airflow_integrations.engine.settle.dead_consumers import close_unfinished
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.inbox.consumers import hold, release_consumer, unfinished
from airflow_integrations.ledger.lease_times import CONSUMER_SECONDS
from airflow_integrations.ledger.maintenance.due_routes import due_routes
from airflow_integrations.ledger.records import Lapsed, RetryWanted
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.ledger.runs.waits import woken_number
from airflow_integrations.ledger.storage.notifications import Bell, bell_of
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

__all__ = ["Consumer"]

RENEW_SECONDS = 3.0
OPEN_SECONDS, OPEN_EVENTS, OPEN_SEGMENTS = 60.0, 2_000, 400
"""A live run's books are closed after so long, so many events, or so many pieces in staging."""
IDLE_SECONDS = 5.0
"""Or when nothing has come for so long."""
LOOK_SECONDS = 1.0
"""Without hearing the bell the inbox is looked at so often."""
LAST_SECONDS = 120.0
"""At its end a consumer waits so long for a slow target."""
DUE_SECONDS = 10.0
"""And whether entities of earlier runs are due again."""
DEAD_SECONDS = 5.0
"""And whether what somebody else was to close has been closed."""


class Consumer:
    """``holder`` names it among all processes. ``base`` is where runs are staged, and ``max_bytes`` what may lie there
    (None: as much as the disk holds)."""

    def __init__(
        self, route: Route, services: Services, base: str, holder: str, *, max_bytes: int | None = None
    ) -> None:
        self.route = route
        self.services = services
        self.base = base
        self.holder = holder
        self.max_bytes = max_bytes
        self.counts: Counter[str] = Counter()
        """The books of its live runs, summed up."""
        self._database = services.ledger
        self._name = route.route
        self._run: LiveRun | None = None
        self._hurry = asyncio.Event()
        self._opened = self._heard = 0.0
        self._lease_until = self._not_before = self._look_for_due = self._look_for_dead = 0.0
        self._woken: int | None = None
        """How often what the route's entities wait for had come when it was looked last."""
        trigger = route.trigger
        quiet = trigger.debounce if trigger is not None and trigger.latency == "low" else None
        self._debounce = 0.0 if quiet is None else quiet.total_seconds()
        self._burst_ends = 0.0
        self._dead: list[Lapsed] = []
        """Runs of earlier consumers whose books somebody else is about to close, or was when he died."""

    async def work(self, until: float, stop: asyncio.Event) -> None:
        """Consume until the moment ``until`` (seconds since the epoch), or until ``stop`` is set; before that, stand by
        where another one is the consumer. Raises OutageError where it lost its lease or the ledger is away, and what
        makes sending impossible, such as SetupError; the books of what it has done are closed then, if they can be.
        """
        async with bell_of(self._database, self._name) as bell:
            if not await self._stand_by(bell, until, stop):
                return
            keeper = asyncio.create_task(self._keep())
            hurrying = asyncio.create_task(self._hurry_when(stop, keeper))
            try:
                self._dead = await asyncio.to_thread(unfinished, self._database, self._name)
                await self._recover()
                await self._consume(bell, until, stop, keeper)
            finally:
                last = asyncio.get_running_loop().call_later(LAST_SECONDS, self._hurry.set)
                try:
                    await self._close()
                finally:
                    last.cancel()
                    hurrying.cancel()
                    keeper.cancel()
                    await asyncio.gather(keeper, hurrying, return_exceptions=True)
                    await asyncio.to_thread(release_consumer, self._database, self._name, self.holder)

    async def _hurry_when(self, stop: asyncio.Event, keeper: asyncio.Task[None]) -> None:
        """Where a stop was asked for, or the lease is lost, nobody waits for a slow target."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopping, keeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        self._hurry.set()

    async def _stand_by(self, bell: Bell, until: float, stop: asyncio.Event) -> bool:
        told = False
        while not stop.is_set() and self.services.now() < until:
            if await self._hold():
                return True
            if not told:
                self.services.log.info("%s has a consumer: standing by", self._name)
                told = True
            await bell.wait(LOOK_SECONDS)
        return False

    async def _hold(self) -> bool:
        now = self.services.now()
        lease = now + CONSUMER_SECONDS
        if not await asyncio.to_thread(hold, self._database, self._name, self.holder, until=lease, now=now):
            return False
        self._lease_until = lease
        return True

    async def _keep(self) -> None:
        """Renew the lease for ever. Ends where another one has it."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(OutageError):  # the lease, which nobody renews then, says when it is over
                if not await self._hold():
                    return

    async def _recover(self) -> None:
        """What earlier consumers left open is closed: they are dead, for their lease is ours."""
        near = Staging(self.base, self._name, "")
        open_ = {lapsed.run.id for lapsed in await asyncio.to_thread(unfinished, self._database, self._name)}
        dead = [each for each in self._dead if each.run.id in open_]
        self._dead = await close_unfinished(self.route, dead, self.services, near)

    async def _consume(self, bell: Bell, until: float, stop: asyncio.Event, keeper: asyncio.Task[None]) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set() and (now := self.services.now()) < until:
                if keeper.done() or now >= self._lease_until:
                    raise OutageError(f"another process became the consumer of {self._name}; this one ends")
                if await self._work_to_do(now):
                    continue
                quiet = self._burst_ends - self.services.now()
                waiting = asyncio.create_task(bell.wait(min(LOOK_SECONDS, quiet) if quiet > 0 else LOOK_SECONDS))
                try:
                    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)

    async def _work_to_do(self, now: float) -> bool:
        """Whether there was something to take; if so there may be more."""
        if self._dead and now >= self._look_for_dead:
            self._look_for_dead = now + DEAD_SECONDS
            await self._recover()
        woken = await self._was_woken()
        if woken:
            self._look_for_due = 0.0
        if self._run is None and not await self._ready(now):
            return False
        in_burst = bool(self._debounce) and await self._in_burst(now)
        if in_burst and self._run is None:
            return False
        began = self._run is None  # then it has taken over what is due
        run = self._run or await self._open(now)
        taken = 0 if run.ended or in_burst else await run.take()
        if woken and not began and not run.ended:
            taken += await run.take_over()
        if taken:
            self._heard = now
        full = now - self._opened > OPEN_SECONDS or run.events >= OPEN_EVENTS or run.segments >= OPEN_SEGMENTS
        if run.ended or full or now - self._heard > IDLE_SECONDS:
            await self._close()
        return bool(taken) and not run.ended

    async def _was_woken(self) -> bool:
        """Whether something has come since the last look that entities of the route wait for."""
        before = self._woken
        self._woken = await asyncio.to_thread(woken_number, self._database, self._name)
        return before is not None and self._woken != before

    async def _in_burst(self, now: float) -> bool:
        """Whether more may come within ``debounce``; then what waits is not taken yet."""
        waits = await asyncio.to_thread(self.services.ledger.inbox.waiting, now, {self._name})
        self._burst_ends = waits[0].burst_ends(self._debounce) if waits else 0.0
        return self._burst_ends > now

    async def _ready(self, now: float) -> bool:
        """Whether something waits or is due, and no system that the route needs is known to be away."""
        if now < self._not_before:
            return False
        ledger = self.services.ledger
        waits: Sequence[object] = await asyncio.to_thread(ledger.inbox.waiting, now, {self._name})
        if not waits and now >= self._look_for_due:
            self._look_for_due = now + DUE_SECONDS
            due = await asyncio.to_thread(due_routes, self._database, now)
            waits = [route for route in due if route == self._name]
        if not waits:
            return False
        state = await asyncio.to_thread(route_state, ledger, self._name)
        self._not_before = state.circuit_until
        return now >= self._not_before

    async def _open(self, now: float) -> LiveRun:
        moment = datetime.fromtimestamp(now, UTC)
        run = Run(
            self.route,
            f"live__{moment:%Y%m%dT%H%M%S.%fZ}",
            Window(EPOCH, moment),
            kind="live",
            events=True,
            retry=RetryWanted(),  # what is due, so much of it as a live run can hold in memory
            limit=OPEN_EVENTS,
        )
        staging = Staging(self.base, self._name, run.run_id)
        await make_room(self.services, staging, self.max_bytes)
        self._run = await LiveRun.begin(run, self.services, staging)
        self._opened = self._heard = now
        return self._run

    async def _close(self) -> None:
        """Close the books of the run that is open."""
        run, self._run = self._run, None
        if run is None:
            return
        balance = await run.close(self._hurry)
        self.counts.update(balance.counts)
        log = self.services.log
        log.info("%s: %s", run.run.run_id, balance.lines()[0])
        if balance.verdict:
            log.error("%s", balance.verdict)
