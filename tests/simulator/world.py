"""A world: everything that is around the engine, made from one plan, lived through, and looked at when it is quiet."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import sys
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any

from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.storage import tables
from airflow_integrations.run import Services
from simulator.books import WorldLedger, empty_ledger
from simulator.borders.airflow import Airflow
from simulator.borders.bell import WorldBell
from simulator.borders.clock import BEGIN, Stuck, VirtualLoop
from simulator.borders.disk import BucketPath, Disk, DiskPath
from simulator.borders.network import Network, WorldConnections
from simulator.borders.process import Process
from simulator.borders.replaced import CURRENT, replace_borders
from simulator.bounds import draw_bounds
from simulator.deed import Deed
from simulator.doings import away, do
from simulator.flows.flow import flows_of
from simulator.invariants import Invariants
from simulator.people import accept_contracts, clear_unheard
from simulator.plan import Plan
from simulator.waking import asleep

__all__ = ["World", "live"]

MOST_STEPS = 200_000
_LOG = logging.Logger("world", logging.CRITICAL + 1)


class World:
    """``broken`` are the invariants that did not hold; ``story`` is what happened, a line each."""

    def __init__(self, plan: Plan, ledger: WorldLedger, loop: type[VirtualLoop] = VirtualLoop) -> None:
        self.plan = plan
        shape = plan.shape
        self.low = shape.events == "low"
        self.chance = random.Random(f"chance {plan.seed}")
        self.loop = loop(self.chance, most_steps=MOST_STEPS)
        self.story: list[str] = []
        self.processes = 0
        self.consumers = 0
        self.calm = self.cleared = False
        self._numbered: dict[str, dict[int, Deed]] = {}
        for deed in plan.deeds:
            if deed.at is None:
                about = " ".join((deed.what, *deed.how[1:])) if deed.what == "target answers" else deed.what
                self._numbered.setdefault(about, {})[deed.number] = deed
        self._counted: dict[str, int] = {}
        self._all: list[Process] = []
        self._spawned: set[asyncio.Task[Any]] = set()
        self._bells: list[WorldBell] = []
        self.ledger = ledger
        ledger.empty()
        ledger.rung = self.ring_bells
        self.disk = Disk()
        DiskPath.disk = BucketPath.disk = self.disk
        self.base: Any = BucketPath() if shape.bucket else DiskPath("/staging")
        self.invariants = Invariants(self)
        self.flows = flows_of(self, shape)
        servers: dict[str, Any] = {}
        for flow in self.flows.values():
            servers |= {flow.shape.source: flow.source, flow.shape.target: flow.target}
        self.network = Network(servers, lambda: self.chance.random() * 0.2, copy_context())
        self._patience = 4 if shape.beside == "customers" or shape.table == "retry" else 0
        """Each fetch of a state that waits for something begins its attempts anew: the schedule pauses at the end, and
        they take so many turns more."""
        self.airflow: Airflow

    # what is around the engine

    def now(self) -> float:
        return self.loop.time()

    def tell(self, what: str) -> None:
        seconds = self.now() - BEGIN
        self.story.append(f"{int(seconds // 3600):02d}:{int(seconds // 60 % 60):02d}:{seconds % 60:06.3f}  {what}")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self.loop.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._spawned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unexpected(error)

    def _unexpected(self, error: BaseException) -> None:
        import traceback

        told = "".join(traceback.format_exception(error)[-3:]).strip()
        self.invariants.fails("no error that nobody expects", told)

    def task(self) -> int | None:
        """The point at which every try of the next task dies; None: it is as others are."""
        deed = self.next_of("task dies")
        return None if deed is None or self.calm else int(deed.how[0])

    def process(self, name: str) -> Process:
        """The next process, with what the plan has for it."""
        self.processes += 1
        number = self.processes
        process = Process(f"{name} (process {number})")
        self._all.append(process)
        if self.calm:
            return process
        if (deed := self._numbered.get("process dies", {}).get(number)) is not None:
            process.dies_at, process.torn = deed.how[0], deed.how[1] == "torn"
        if (deed := self._numbered.get("process dies at", {}).get(number)) is not None:
            process.dies_on = deed.how[0], deed.how[1]
        if (deed := self._numbered.get("clock is wrong", {}).get(number)) is not None:
            process.skew = deed.how[0]
            self.tell(f"the clock of {process.name} is wrong by {process.skew} s")
        if (deed := self._numbered.get("process is stopped", {}).get(number)) is not None:
            self.loop.call_later(deed.how[0], process.stop.set)
        return process

    def services(self, process: Process) -> Services:
        loop, skew = self.loop, process.skew
        return Services(
            WorldConnections(),
            log=_LOG,
            now=lambda: loop.time() + skew,
            monotonic=loop.time,
            rng=self.chance,
            ledger=self.ledger,
        )

    def bell(self, ledger: Any, route: str) -> WorldBell:
        bell = WorldBell()
        self._bells.append(bell)
        return bell

    def ring_bells(self) -> None:
        for bell in self._bells:
            bell.rung.set()

    def somebody_died(self) -> bool:
        return not all(process.alive for process in self._all)

    def next_of(self, what: str) -> Deed | None:
        """What the plan has for the next thing of this kind."""
        number = self._counted[what] = self._counted.get(what, 0) + 1
        return self._numbered.get(what, {}).get(number)

    def fault(self, what: str) -> str | None:
        """What the next request of this kind meets."""
        deed = None if self.calm else self.next_of(what)
        if deed is None:
            return None
        self.tell(f"{what} {deed.how[0]} (request {deed.number})")
        if deed.how[0] == "gone after":
            away(self, 400, "target", self.network.unreachable.add, self.network.unreachable.discard)
        return str(deed.how[0])

    # its life

    async def _live(self) -> None:
        self.airflow = Airflow(self)
        pace = 1 / 45 if self.low else 1.0
        for flow in self.flows.values():
            if flow.shape.beside == "feed":  # as its first maintenance does, before there is something to read
                self.ledger.fetches.subscribe(flow.name, "feed")
        for deed in self.plan.deeds:
            if deed.at is not None:
                self.loop.call_at(BEGIN + deed.at * pace, do, self, deed)
        end = BEGIN + self.plan.minutes * 60 * pace
        if self.low:
            self.spawn(self.airflow.consume(end))
        for flow in self.flows.values():
            if flow.shape.fetches:
                for moment in range(600, self.plan.minutes * 60 + 1, 600):
                    at = BEGIN + moment * pace
                    self.loop.call_at(at + 1.0, self.airflow.scheduled, flow, at)
        await asyncio.sleep(end - self.now() + 2.0)
        await self._settle_down()

    async def _settle_down(self) -> None:
        """Nothing breaks any more: what is open comes to its end, however long that takes."""
        await self._idle()
        self.calm = True
        self.ledger.away = self.disk.full = False
        self.network.unreachable.clear()
        self.tell("from here on all is well")
        for turn in range(12 + self._patience):
            if self.plan.hasty and not self._goes_on() and next(self.invariants.wrong(), None) is None:
                break
            await asyncio.sleep(7200.0)
            for told in asleep(self):
                self.invariants.fails("woken", told)
            accept_contracts(self)
            if not turn and clear_unheard(self):
                await self._idle()
            await self.airflow.maintain()
            await self._idle()
            self.airflow.ring()
            await self._idle()
            for flow in self.flows.values():
                if flow.shape.fetches and (turn < 3 or not self._patience):
                    self.airflow.scheduled(flow, self.now())
                    if len(self.flows) > 1:
                        await self._idle()
            if self.low:
                self.spawn(self.airflow.consume(self.now() + 8.0))
            await self._idle()
            if not self._goes_on() and not accept_contracts(self):
                break
        else:
            self.invariants.fails("nothing lost", "something is due for ever")
        self.invariants.quiet()

    def _goes_on(self) -> bool:
        """Whether time alone will bring something about."""
        rows = self.ledger.rows(tables.entity)
        open_ones = any(row.next_attempt is not None or row.status in ("pending", "retrying") for row in rows)
        return open_ones or bool(self.ledger.inbox.waiting(self.now()))

    async def _idle(self) -> None:
        while self._spawned:
            await asyncio.wait(set(self._spawned))
            await asyncio.sleep(0)

    def live(self) -> World:
        CURRENT.world = self
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._live())
        except Stuck as stuck:
            self.invariants.fails("comes to an end", str(stuck))
        except OutageError as error:
            self.invariants.fails("no error that nobody expects", str(error))
        finally:
            self._end()
        for told in self.loop.unexpected:
            self._unexpected(told)
        return self

    def _end(self) -> None:
        """The end of everybody: what is closed now finds every border shut."""
        for process in self._all:
            process.alive = False
        sys.unraisablehook = lambda told: None  # a dead coroutine would rather go on
        for task in [*self._spawned, *(task for process in self._all for task in process.tasks)]:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(BaseException):  # a dead coroutine has nothing to say
                    task.get_coro().close()
        sys.unraisablehook = sys.__unraisablehook__
        self.loop.close()


_LIVED = 0


def live(plan: Plan, ledger: WorldLedger | None = None, loop: type[VirtualLoop] = VirtualLoop) -> World:
    """Live through a plan. The same plan gives the same world, to the byte, on a loop whose threads are not real."""
    global _LIVED
    replace_borders()
    gc.disable()
    _LIVED += 1
    if _LIVED % 40 == 0:  # what is there for good is looked at once in a thousand worlds
        if _LIVED % 1000 == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
    draw_bounds(plan.seed)
    return World(plan, ledger or empty_ledger(), loop).live()
