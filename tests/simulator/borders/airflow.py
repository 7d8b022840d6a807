"""Airflow, as far as a route can tell: runs of four tasks, tries, deaths that are noticed late, the maintenance."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_integrations.engine.disk_space import forget
from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.ledger.inbox.consumers import consumed
from airflow_integrations.ledger.maintenance.due_routes import due_routes
from airflow_integrations.ledger.maintenance.event_retention import prune_events
from airflow_integrations.ledger.maintenance.expiry import expire
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from simulator.borders.process import Died
from simulator.shape import NAME
from simulator.tasks import STAGES, Done, quiet, stage

if TYPE_CHECKING:
    from simulator.world import World

__all__ = ["Airflow", "DagRun"]

TRIES = 3
NOTICED_SECONDS = 300.0
"""Airflow notices after so long that a task's process is dead."""
EVENTS = f"{NAME}__events"


@dataclass
class DagRun:
    dag: str
    run_id: str
    window: Window
    asked: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    over: bool = False


class Airflow:
    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: dict[tuple[str, str], DagRun] = {}
        self._slots = {NAME: asyncio.Semaphore(1), EVENTS: asyncio.Semaphore(1), "by hand": asyncio.Semaphore(1)}

    @property
    def events_dag(self) -> str:
        return EVENTS if self.world.shape.events != "no" and self.world.shape.fetches else NAME

    def busy(self) -> bool:
        return any(not run.over for run in self.runs.values())

    def start(self, dag: str, run_id: str, window: Window, **asked: Any) -> DagRun | None:
        """A new run, unless there is one of this id."""
        if (dag, run_id) in self.runs:
            return None
        run = self.runs[dag, run_id] = DagRun(dag, run_id, window, asked)
        self.world.spawn(self._run(run))
        return run

    def scheduled(self, now: float) -> None:
        start = self.world.last_scheduled
        self.world.last_scheduled = now
        moment = datetime.fromtimestamp(now, UTC)
        self.start(NAME, f"scheduled__{moment:%H:%M:%S}", _window(start, now), kind="scheduled")

    def by_hand(self, what: str) -> None:
        now = self.world.now()
        asked: dict[str, Any] = {"kind": "manual"}
        if what != "all":
            chosen = {"due": RetryWanted(), "failed": RetryWanted(statuses=frozenset({"failed", "rejected"}))}
            asked["retry"] = chosen[what]
        self.start(NAME, f"manual__{now:.0f}", _window(now - 600, now), slot="by hand", **asked)

    def clear(self, run: DagRun) -> None:
        """A person clears the task fetch of a run, with everything behind it."""
        if run.over:
            run.over = False
            self.world.spawn(self._run(run))

    async def _run(self, run: DagRun) -> None:
        async with self._slots[run.asked.get("slot", run.dag)]:
            world, states = self.world, run.states
            states.clear()
            world.tell(f"{run.run_id} begins")
            try:
                for name in STAGES:
                    if states.get(name) == "skipped":
                        continue
                    if name != "settle" and "failed" in states.values():
                        states[name] = "upstream_failed"
                        continue
                    states[name] = await self._task(run, name)
            finally:
                run.over = True
            world.tell(f"{run.run_id} is over: {', '.join(f'{name} {state}' for name, state in states.items())}")

    async def _task(self, run: DagRun, name: str) -> str:
        world = self.world
        dies_at = world.task()
        for number in range(1, TRIES + 1):
            process = world.process(f"{run.run_id} {name}")
            process.dies_at = process.dies_at or dies_at
            services = world.services(process)
            staging = Staging(world.base, run.dag, run.run_id)
            owner = "" if run.dag == NAME else f"{run.dag}/"
            asked = {name: value for name, value in run.asked.items() if name != "slot"}
            asked["event_age"] = 60.0 if run.dag != self.events_dag and not run.asked.get("events") else 0.0
            made = Run(world.route, f"{owner}{run.run_id}", run.window, interval=run.window, **asked)
            work = stage(name, world.route, made, services, staging, process.stop, final=number == TRIES)
            try:
                done: Done = await process.run(work)
            except Died:
                world.tell(f"{run.run_id} {name} dies at point {process.points}, {process.died_at}")
                await asyncio.sleep(NOTICED_SECONDS)
            except OutageError as error:
                world.tell(f"{run.run_id} {name} fails: {quiet(error)}")
                await asyncio.sleep(60.0)
            except IntegrationError as error:
                world.tell(f"{run.run_id} {name} fails for good: {quiet(error)}")
                return "failed"
            except OSError as error:
                world.tell(f"{run.run_id} {name} fails: {quiet(error)}")
                await asyncio.sleep(60.0)
            else:
                world.invariants.ended(process)
                for skipped in sorted(done.skips):
                    run.states[skipped] = "skipped"
                if done.balance is not None:
                    world.tell(f"{run.run_id}: {done.balance.lines()[0]}")
                    world.invariants.books(run.run_id, done.balance)
                return "success"
        return "failed"

    # events

    def ring(self) -> None:
        """The doorbell of an API server."""
        world = self.world
        if world.shape.events == "low" and world.consumers:
            return
        waits = world.ledger.inbox.waiting(world.now(), reachable=True) if not world.ledger.away else []
        for waiting in waits:
            self.start(
                self.events_dag,
                f"event__{waiting.first}",
                Window(EPOCH, _moment(world.now())),
                kind="event",
                events=True,
            )

    async def consume(self, until: float) -> None:
        """The task of a route of low latency: for a while, and again where it died."""
        world = self.world
        while world.now() < until:
            process = world.process("consumer")
            process.skew = max(-4.0, min(4.0, process.skew))
            services = world.services(process)
            world.consumers += 1
            consumer = Consumer(world.route, services, world.base, f"consumer {world.processes}")
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
        world = self.world
        process = world.process("maintenance")
        services = world.services(process)
        try:
            due, events = await process.run(self._tidy(services))
        except Died:
            world.tell(f"the maintenance dies at point {process.points}")
            return
        except (IntegrationError, OSError) as error:
            world.tell(f"the maintenance fails: {quiet(error)}")
            return
        if self.busy():
            return
        now = world.now()
        if events:
            self.start(self.events_dag, f"event__{now:.0f}Z", Window(EPOCH, _moment(now)), kind="event", events=True)
        elif due:
            self.start(NAME, f"retry__{now:.0f}", _window(now - 600, now), kind="manual", retry=RetryWanted())

    async def _tidy(self, services: Any) -> tuple[list[str], list[str]]:
        world, ledger = self.world, services.ledger
        async with services:
            now = services.now()
            for lapsed in lapsed_runs(ledger, None, now):
                balance = await recover(world.route, lapsed, services, Staging(world.base, "", ""))
                if balance is not None:
                    world.tell(f"the maintenance closes the books of {lapsed.run.run_id}")
                    world.invariants.books(lapsed.run.run_id, balance)
            expire(ledger, now)
            if world.shape.forgets:
                kept = {NAME: world.route.retention}
                await asyncio.to_thread(forget, ledger, world.base, kept, now)
                await asyncio.to_thread(prune_events, ledger, routes=kept, now=now)
            waiting = ledger.inbox.waiting(now, reachable=True)
            served = consumed(ledger, now)
            left = [waits.route for waits in waiting if waits.oldest < now - 15 and waits.route not in served]
            return due_routes(ledger, now), left


async def _consumed(consumer: Consumer, services: Any, until: float, stop: asyncio.Event) -> None:
    async with services:
        await consumer.work(until, stop)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _window(start: float, end: float) -> Window:
    return Window(_moment(start), _moment(end))
