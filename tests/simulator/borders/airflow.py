"""Airflow, as far as a route can tell: runs and their tasks, tries, deaths that are noticed late, the doorbell."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.waits import woken_routes
from airflow_integrations.route.partitions import fetch_tasks
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from simulator.borders.maintenance import tidy
from simulator.borders.process import Died
from simulator.flows.shape import NAME
from simulator.tasks import Done, quiet, stage

if TYPE_CHECKING:
    from simulator.flows.flow import Flow
    from simulator.world import World

__all__ = ["Airflow", "DagRun"]

TRIES = 3
NOTICED_SECONDS = 300.0
"""Airflow notices after so long that a task's process is dead."""


@dataclass
class DagRun:
    flow: Flow
    dag: str
    run_id: str
    window: Window
    asked: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    """Those of its DAG, in their order."""
    over: bool = False


class Airflow:
    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: dict[tuple[str, str], DagRun] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    def busy(self, flow: Flow | None = None) -> bool:
        """Whether a run is under way, of this flow or any."""
        return any(not run.over for run in self.runs.values() if flow is None or run.flow is flow)

    def start(self, flow: Flow, dag: str, run_id: str, window: Window, **asked: Any) -> DagRun | None:
        """A new run, unless there is one of this id."""
        if (dag, run_id) in self.runs:
            return None
        run = self.runs[dag, run_id] = DagRun(flow, dag, run_id, window, asked)
        self.world.spawn(self._run(run))
        return run

    def scheduled(self, flow: Flow, now: float) -> None:
        start = flow.last_scheduled
        flow.last_scheduled = now
        moment = datetime.fromtimestamp(now, UTC)
        self.start(flow, flow.name, f"scheduled__{moment:%H:%M:%S}", _window(start, now), kind="scheduled")

    def by_hand(self, flow: Flow, what: str) -> None:
        now = self.world.now()
        asked: dict[str, Any] = {"kind": "manual"}
        if what != "all":
            chosen = {"due": RetryWanted(), "failed": RetryWanted(statuses=frozenset({"failed", "rejected"}))}
            asked["retry"] = chosen[what]
        slot = f"by hand {flow.name}"
        self.start(flow, flow.name, f"manual__{now:.0f}", _window(now - 600, now), slot=slot, **asked)

    def for_events(self, flow: Flow, run_id: str) -> None:
        """A run that takes what waits in the inbox and of other routes' fetches, and what is due."""
        window = Window(EPOCH, _moment(self.world.now()))
        self.start(flow, flow.events_dag, run_id, window, kind="event", events=True)

    def clear(self, run: DagRun, task: str = "fetch") -> None:
        """A person clears a task of a run, with everything behind it."""
        if run.over:
            run.over = False
            self.world.spawn(self._run(run, task))

    async def _run(self, run: DagRun, first: str = "fetch") -> None:
        slot = run.asked.get("slot", run.dag)
        async with self._slots.setdefault(slot, asyncio.Semaphore(1)):
            world, states = self.world, run.states
            pushes = run.flow.route.tasks.pushes if run.dag == run.flow.name else ("push",)
            fetches = fetch_tasks(run.flow.route) if run.dag == run.flow.name else ()
            stages = (("fetch",), fetches, ("transform",), pushes, ("settle",))
            run.tasks = tuple(name for together in stages for name in together)
            if first == "fetch":
                states.clear()
            behind = ("transform", *pushes) if first.startswith("fetch_") else ()
            for name in (first, *behind, "settle"):
                states.pop(name, None)
            world.tell(f"{self._named(run)} begins")
            try:
                for together in stages:
                    wanted = [name for name in together if states.get(name) is None]
                    if together != ("settle",) and "failed" in states.values():
                        states |= dict.fromkeys(wanted, "upstream_failed")
                    elif len(wanted) == 1:
                        states[wanted[0]] = await self._task(run, wanted[0])
                    else:
                        ended = await asyncio.gather(*(self._task(run, name) for name in wanted))
                        states |= dict(zip(wanted, ended, strict=True))
            finally:
                run.over = True
            told = ", ".join(f"{name} {state}" for name, state in states.items())
            world.tell(f"{self._named(run)} is over: {told}")

    def _named(self, run: DagRun) -> str:
        return run.run_id if run.flow.name == NAME else f"{run.flow.name} {run.run_id}"

    async def _task(self, run: DagRun, name: str) -> str:
        world, flow, named = self.world, run.flow, self._named(run)
        dies_at = world.task()
        for number in range(1, TRIES + 1):
            process = world.process(f"{named} {name}")
            process.dies_at = process.dies_at or dies_at
            services = world.services(process)
            staging = Staging(world.base, run.dag, run.run_id)
            owner = "" if run.dag == flow.name else f"{run.dag}/"
            asked = {name: value for name, value in run.asked.items() if name != "slot"}
            asked["event_age"] = 60.0 if run.dag != flow.events_dag and not run.asked.get("events") else 0.0
            made = Run(flow.route, f"{owner}{run.run_id}", run.window, interval=run.window, **asked)
            pushes = tuple(name for name in run.tasks if name.startswith("push"))
            fetches = tuple(name for name in run.tasks if name.startswith("fetch_"))
            final = number == TRIES
            work = stage(
                name, flow.route, made, services, staging, process.stop, final=final, pushes=pushes, fetches=fetches
            )
            try:
                done: Done = await process.run(work)
            except Died:
                world.tell(f"{named} {name} dies at point {process.points}, {process.died_at}")
                await asyncio.sleep(NOTICED_SECONDS)
            except OutageError as error:
                world.tell(f"{named} {name} fails: {quiet(error)}")
                self._ring_between()
                await asyncio.sleep(60.0)
            except IntegrationError as error:
                world.tell(f"{named} {name} fails for good: {quiet(error)}")
                self._ring_between()
                return "failed"
            except OSError as error:
                world.tell(f"{named} {name} fails: {quiet(error)}")
                await asyncio.sleep(60.0)
            else:
                world.invariants.ended(process)
                self._ring_between()
                for skipped in sorted(done.skips):
                    run.states[skipped] = "skipped"
                if done.balance is not None:
                    world.tell(f"{named}: {done.balance.lines()[0]}")
                    world.invariants.books(named, done.balance)
                return "success"
        return "failed"

    # events

    def ring(self) -> None:
        """The doorbell of an API server."""
        world = self.world
        waits = world.ledger.inbox.waiting(world.now(), reachable=True) if not world.ledger.away else []
        for waiting in waits:
            flow = world.flows[waiting.route]
            if not self._consumed(flow):
                self.for_events(flow, f"event__{waiting.first}")
        self._ring_between()

    def _consumed(self, flow: Flow) -> bool:
        return flow.shape.events == "low" and bool(self.world.consumers)

    def _ring_between(self) -> None:
        """What doorbells do for routes that read others, or wait for what these deliver."""
        world = self.world
        if len(world.flows) == 1 or world.ledger.away:
            return
        now = world.now()
        for name, newest in world.ledger.fetches.behind(now).items():
            self.for_events(world.flows[name], f"fetched__{newest}")
        for name, last in woken_routes(world.ledger, now).items():
            if not self._consumed(world.flows[name]):
                self.for_events(world.flows[name], f"woken__{last}")

    async def consume(self, until: float) -> None:
        """The task of a route of low latency: for a while, and again where it died."""
        world = self.world
        while world.now() < until:
            process = world.process("consumer")
            process.skew = max(-4.0, min(4.0, process.skew))
            services = world.services(process)
            world.consumers += 1
            consumer = Consumer(world.flows[NAME].route, services, world.base, f"consumer {world.processes}")
            try:
                await process.run(_consumed(consumer, services, until, process.stop))
            except Died:
                world.tell(f"the consumer dies at point {process.points}, {process.died_at}")
                await asyncio.sleep(20.0)
            except (IntegrationError, OSError) as error:
                world.tell(f"the consumer ends: {quiet(error)}")
                await asyncio.sleep(2.0)
            else:
                world.invariants.ended(process)
            finally:
                world.consumers -= 1

    # maintenance

    async def maintain(self) -> None:
        """The maintenance DAG: it tidies up, and gives a run to those who have something to do and are not busy."""
        world = self.world
        process = world.process("maintenance")
        services = world.services(process)
        try:
            wanted = await process.run(tidy(world, services))
        except Died:
            world.tell(f"the maintenance dies at point {process.points}")
            return
        except (IntegrationError, OSError) as error:
            world.tell(f"the maintenance fails: {quiet(error)}")
            return
        now = world.now()
        for flow in world.flows.values():
            if self.busy(flow):
                continue
            if flow.name in wanted.events:
                self.for_events(flow, f"event__{now:.0f}Z")
            elif flow.name in wanted.retries:
                window = _window(now - 600, now)
                self.start(flow, flow.name, f"retry__{now:.0f}", window, kind="manual", retry=RetryWanted())


async def _consumed(consumer: Consumer, services: Any, until: float, stop: asyncio.Event) -> None:
    async with services:
        await consumer.work(until, stop)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _window(start: float, end: float) -> Window:
    return Window(_moment(start), _moment(end))
