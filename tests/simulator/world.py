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
from types import SimpleNamespace
from typing import Any

import msgspec

from airflow_integrations.engine import disk_space, gc_tuning
from airflow_integrations.engine.live import consumer as live_consumer
from airflow_integrations.errors import OutageError
from airflow_integrations.http import client as http_client
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.definition import Route
from airflow_integrations.route.dump import definition_yaml, plain_definition
from airflow_integrations.route.files.named import named_files
from airflow_integrations.route.hash import data_hash, route_hash
from airflow_integrations.run import Services
from simulator.books import WorldLedger, empty_ledger
from simulator.borders.airflow import Airflow
from simulator.borders.bell import WorldBell
from simulator.borders.clock import BEGIN, Stuck, VirtualLoop
from simulator.borders.disk import BucketPath, Disk, DiskPath
from simulator.borders.network import Network, WorldConnections
from simulator.borders.process import Process
from simulator.borders.pure import remember
from simulator.bounds import draw_bounds
from simulator.deed import Deed
from simulator.invariants import Invariants
from simulator.people import act
from simulator.plan import Plan
from simulator.shape import NAME, route_of
from simulator.source import Source
from simulator.target import Target

__all__ = ["World", "live"]

MOST_STEPS = 200_000
_LOG = logging.Logger("world", logging.CRITICAL + 1)
_NO_COLLECTOR = SimpleNamespace(
    freeze=int, unfreeze=int, get_threshold=lambda: (0, 10, 10), set_threshold=lambda *given: None
)
"""For the stages of a world: it is off, and what is there for good is frozen."""


class World:
    """``broken`` are the invariants that did not hold; ``story`` is what happened, a line each."""

    def __init__(self, plan: Plan, ledger: WorldLedger, loop: type[VirtualLoop] = VirtualLoop) -> None:
        self.plan = plan
        self.shape = plan.shape
        self.chance = random.Random(f"chance {plan.seed}")
        self.loop = loop(self.chance, most_steps=MOST_STEPS)
        self.story: list[str] = []
        self.processes = 0
        self.consumers = 0
        self.calm = self.cleared = False
        self.last_scheduled = BEGIN
        self.retried: set[str] = set()
        self.skipped: set[str] = set()
        self.edited: set[str] = set()
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
        ledger.rung = self._ring_bells
        self.disk = Disk()
        DiskPath.disk = BucketPath.disk = self.disk
        self.base: Any = BucketPath() if self.shape.bucket else DiskPath("/staging")
        self.source = Source(self.now, lambda: self._fault("source answers"), pages=self.shape.paging != "none")
        self.target = Target(
            self.now,
            self._target_fault,
            lambda: self._fault("target is asked"),
            honours=self.shape.repeatable,
            tell=self.tell,
        )
        self.invariants = Invariants(self)
        self.target.watch = self.invariants.effect
        self.network = Network(
            {"source": self.source, "target": self.target}, lambda: self.chance.random() * 0.2, copy_context()
        )
        self.airflow: Airflow

    # what is around the engine

    def now(self) -> float:
        return self.loop.time()

    @property
    def route(self) -> Route:
        return route_of(self.shape)

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
        number = self._counted["task dies"] = self._counted.get("task dies", 0) + 1
        deed = None if self.calm else self._numbered.get("task dies", {}).get(number)
        return None if deed is None else int(deed.how[0])

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

    def _ring_bells(self) -> None:
        for bell in self._bells:
            bell.rung.set()

    def unheard(self, key: str) -> bool:
        """Whether an effect on this key may be one that nobody heard of: then states may come again."""
        return key in self.target.unheard or not all(process.alive for process in self._all)

    def _target_fault(self, key: str) -> str | None:
        by_key = self._fault(f"target answers {key}")
        return self._fault("target answers") or by_key

    def _fault(self, what: str) -> str | None:
        if self.calm:
            return None
        number = self._counted[what] = self._counted.get(what, 0) + 1
        deed = self._numbered.get(what, {}).get(number)
        if deed is None:
            return None
        self.tell(f"{what} {deed.how[0]} (request {number})")
        if deed.how[0] == "gone after":
            self._away(400, "target", self.network.unreachable.add, self.network.unreachable.discard)
        return str(deed.how[0])

    # its life

    async def _live(self) -> None:
        self.airflow = Airflow(self)
        pace = 1 / 45 if self.shape.events == "low" else 1.0
        for deed in self.plan.deeds:
            if deed.at is not None:
                self.loop.call_at(BEGIN + deed.at * pace, self._do, deed)
        end = BEGIN + self.plan.minutes * 60 * pace
        if self.shape.events == "low":
            self.spawn(self.airflow.consume(end))
        if self.shape.fetches:
            for moment in range(600, self.plan.minutes * 60 + 1, 600):
                self.loop.call_at(BEGIN + moment + 1.0, self.airflow.scheduled, BEGIN + moment)
        await asyncio.sleep(end - self.now() + 2.0)
        await self._settle_down()

    async def _settle_down(self) -> None:
        """Nothing breaks any more: what is open comes to its end, however long that takes."""
        await self._idle()
        self.calm = True
        self.ledger.away = self.disk.full = False
        self.network.unreachable.clear()
        self.tell("from here on all is well")
        for _ in range(12):
            if self.plan.hasty and not self._goes_on() and next(self.invariants.wrong(), None) is None:
                break
            await asyncio.sleep(7200.0)
            await self.airflow.maintain()
            await self._idle()
            self.airflow.ring()
            await self._idle()
            if self.shape.fetches:
                self.airflow.scheduled(self.now())
            if self.shape.events == "low":
                self.spawn(self.airflow.consume(self.now() + 8.0))
            await self._idle()
            if not self._goes_on():
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

    def _do(self, deed: Deed) -> None:
        match deed.what:
            case "source writes":
                self._write(*deed.how)
            case "source is away":
                self._away(deed.how[0], "source", self.network.unreachable.add, self.network.unreachable.discard)
            case "source deletes":
                self.source.delete(deed.how[0])
                self.tell(f"source: {deed.how[0]} is gone")
            case "target is away":
                self._away(deed.how[0], "target", self.network.unreachable.add, self.network.unreachable.discard)
            case "ledger is away":
                self._away(
                    deed.how[0],
                    "ledger",
                    lambda _: setattr(self.ledger, "away", True),
                    lambda _: setattr(self.ledger, "away", False),
                )
            case "disk is full":
                self._away(
                    deed.how[0],
                    "disk",
                    lambda _: setattr(self.disk, "full", True),
                    lambda _: setattr(self.disk, "full", False),
                )
            case "maintenance":
                self.spawn(self.airflow.maintain())
            case "person starts a run":
                self.airflow.by_hand(deed.how[0])
            case "person edits the route":
                self.shape = self.shape.edited()
                self.tell("a person edits the route")
            case _:
                act(self, deed)

    def _write(self, key: str, value: int, state: str) -> None:
        record = self.source.write(key, value, state)
        self.tell(f"source: {key} is {value}{'' if state == 'open' else f' ({state})'}, revision {record['rev']}")
        if self.shape.events != "no":
            self._send(record)

    def _away(self, seconds: float, who: str, begins: Any, ends: Any) -> None:
        self.tell(f"the {who} is away for {seconds} s")
        begins(who)

        def over() -> None:
            ends(who)
            self.tell(f"the {who} is back")

        self.loop.call_later(seconds, over)

    def _send(self, record: dict[str, Any]) -> None:
        """The source's webhook: it may come late, behind a later one, or twice."""
        number = self._counted["event comes"] = self._counted.get("event comes", 0) + 1
        deed = self._numbered.get("event comes", {}).get(number)
        how = deed.how[0] if deed is not None else ""
        event = NewEvent(route=NAME, event_id=f"e{record['rev']}", body=msgspec.json.encode([record]), source="webhook")
        pauses = {"late": [8.0], "very late": [500.0], "twice": [0.1, 0.3]}.get(how, [0.1])
        for pause in pauses:
            self.loop.call_later(pause + self.chance.random() * 0.1, self._receive, event)

    def _receive(self, event: NewEvent) -> None:
        if self.ledger.away:  # answered 503: the sender tries again
            self.loop.call_later(30.0, self._receive, event)
            return
        (put,) = self.ledger.inbox.put([event], self.now())
        self._ring_bells()
        self.tell(f"event {event.event_id} comes{'' if put.new else ' once more'}")
        self.loop.call_later(0.05, self.airflow.ring)

    def live(self) -> World:
        global _current
        _current = self
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


def _open_session(endpoint: Endpoint) -> Any:
    return _current.network.open_session(endpoint)


def _replace_borders() -> None:
    """Those that no argument reaches. The list of all of them is in docs/design.md."""
    global _replaced
    if _replaced:
        return
    _replaced = True
    remember(data_hash, route_hash, definition_yaml, plain_definition, named_files)
    plenty = SimpleNamespace(free=1 << 40, total=1 << 41)
    borders: dict[Any, dict[str, Any]] = {
        http_client: {"open_session": _open_session},
        live_consumer: {"bell_of": lambda database, route: _current.bell(database, route)},
        disk_space: {"shutil": SimpleNamespace(disk_usage=lambda place: plenty)},
        gc_tuning: {"gc": _NO_COLLECTOR},
    }
    for module, names in borders.items():
        for name, stand_in in names.items():
            setattr(module, name, stand_in)


_current: World
_replaced = False
_LIVED = 0


def live(plan: Plan, ledger: WorldLedger | None = None, loop: type[VirtualLoop] = VirtualLoop) -> World:
    """Live through a plan. The same plan gives the same world, to the byte, on a loop whose threads are not real."""
    global _LIVED
    _replace_borders()
    gc.disable()
    _LIVED += 1
    if _LIVED % 40 == 0:  # what is there for good is looked at once in a thousand worlds
        if _LIVED % 1000 == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
    draw_bounds(plan.seed)
    return World(plan, ledger or empty_ledger(), loop).live()
