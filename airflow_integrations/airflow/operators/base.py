"""Base of a route's four operators: the run they work on, how errors end a task, how a stop is obeyed."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.sdk import BaseOperator, SkipMixin
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError

from airflow_integrations.airflow import metrics
from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag import run_conf
from airflow_integrations.airflow.dag.dag_ids import events_dag_id, has_events_dag
from airflow_integrations.airflow.operators.retry_policy import OutageRetry
from airflow_integrations.airflow.operators.run_window import interval, run_type, window
from airflow_integrations.airflow.operators.telemetry import StageWatch, watched
from airflow_integrations.airflow.triggers.listen_asset import started_by_listener
from airflow_integrations.errors import IntegrationError, OutageError, PostponedError
from airflow_integrations.route.definition import RUN_PARAMS, Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.stop_times import BREAK_OFF_SECONDS, STAGE_SECONDS

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.airflow.dag.run_conf_retry import Confirmation
    from airflow_integrations.engine.begun_definition import Definition
    from airflow_integrations.engine.settle.balance import Balance
    from airflow_integrations.http.observer import Observer
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.ledger.records import RunKind

__all__ = ["RouteOperator", "TaskServices", "asked_by", "is_last_try"]

log = logging.getLogger("airflow_integrations")

T = TypeVar("T")

WAKE_SECONDS = 0.5
"""Seconds after which the event loop wakes up at the latest. A signal that arrives just before the loop begins to wait
for the network would otherwise reach Python's handler, and so :meth:`RouteOperator.on_kill`, with the next answer."""

WAITS_AT_MOST = 30.0
"""Seconds that a task keeps its slot while it waits for an export of another system, where tasks may be deferred."""

EVENT_AGE = 60.0
"""Seconds that an event has waited before a run that fetches takes it along, where events have runs of another DAG: one
that is fresh has such a run coming, and would wait here until all is fetched."""

_KINDS: dict[str, RunKind] = {
    "scheduled": "scheduled",
    "backfill": "backfill",
    "asset_triggered": "asset",
    "asset_materialization": "asset",
}


class TaskServices(Services):
    """The surroundings of a task: Airflow's Connections, and the configured ledger, opened when it is first needed."""

    def __init__(self, watch: Observer | None = None) -> None:
        from airflow_integrations.airflow.config.connections import AirflowConnections

        super().__init__(AirflowConnections(), log=log, watch=watch)

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            from airflow_integrations.airflow.config.ledger import open_ledger

            self._ledger = open_ledger()
        return self._ledger

    def _lasting_ledger(self) -> Ledger:
        return self.ledger

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, tb)
        finally:
            if self._ledger is not None:
                self._ledger.close()


class RouteOperator(BaseOperator, SkipMixin):
    """One stage of a route, in a DAG made from a route or in one written by hand.

    An outage fails the try, so that Airflow's retry goes on where it stopped; every other mistake fails the task at
    once, for no retry mends it.

    :param route: The route. Where it is edited during a run, the stages behind fetch go on with the definition that the
        run began with.
    :param staging: A folder or object storage URL that every worker sees; ``[integrations] staging`` where left out.
        The same for all stages.
    """

    stage: ClassVar[str]
    template_fields = ()

    def __init__(self, *, route: Route, staging: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", OutageRetry())
        super().__init__(**kwargs)
        self.route = route
        self._worked_by = route
        self.staging = staging
        self.at_stage = self.stage
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stopped = False
        self._watch: StageWatch | None = None
        self._counts: dict[str, dict[str, int]] = {}

    @abstractmethod
    def work(self, context: Context, run: Run, staging: Staging) -> Any:
        """The stage itself. What it returns becomes the task's XCom."""

    def execute(self, context: Context) -> Any:
        return self._work_or_defer(context)

    def execute_again(self, context: Context, event: Any = None) -> Any:
        """As :meth:`execute`, after a pause in which the task had no slot of a worker."""
        return self._work_or_defer(context)

    def _work_or_defer(self, context: Context) -> Any:
        staging = Staging(self.staging or settings.staging_base(), self._owner_id(context), context["run_id"])
        try:
            with self.works_by(staging) as definition:
                return self._execute(context, staging, definition)
        except PostponedError as later:
            from airflow_integrations.airflow.triggers.wait_until import WaitUntil

            log.info("%s: the worker's slot is free until then", later)
            self.defer(trigger=WaitUntil(later.until), method_name="execute_again")
        except OutageError as error:
            _tell_answer(error, staging, self.at_stage)
            raise error.with_traceback(None) from None
        except IntegrationError as error:
            _tell_answer(error, staging, self.at_stage)
            raise AirflowFailException(str(error)) from None

    def _execute(self, context: Context, staging: Staging, definition: Definition) -> Any:
        self._worked_by = route = definition.route
        conf = getattr(context.get("dag_run"), "conf", None)
        if _dag_id(context) == events_dag_id(route.route):
            conf = {**(conf or {}), "events": True}
        asked = run_conf.read(route, conf, _given(context, definition), _declared(context))
        if asked.confirm:
            return self.confirm(context, asked.confirm)
        events = asked.events or started_by_listener(context, route)
        run = Run(
            route=route,
            run_id=self._run_id(context),
            window=window(context, asked.window),
            params=asked.params if definition.params is None else definition.params,
            keys=asked.keys,
            entities=asked.entities,
            limit=asked.limit,
            dry_run=asked.dry_run,
            kind="event" if events else _kind(context),
            interval=interval(context),
            explicit=asked.window is not None,
            retry=asked.retry,
            events=events,
            event_age=0.0 if events or not self._has_events_dag(context) else EVENT_AGE,
        )
        with watched(route.route, self.stage, run.run_id) as self._watch:
            return self.work(context, run, staging)

    def works_by(self, staging: Staging) -> AbstractContextManager[Definition]:
        """What the task works by: the definition that the run began with, also where the route is edited meanwhile."""
        from airflow_integrations.engine.begun_definition import begun_with

        return begun_with(self.route, staging, logging.getLogger("airflow_integrations"))

    def confirm(self, context: Context, confirmed: tuple[Confirmation, ...]) -> Any:
        """What a run does that only confirms: nothing, but for its first stage."""
        return None

    def on_kill(self) -> None:
        """Airflow's SIGTERM or time-out: work under way ends or is given up within seconds, nothing new is begun."""
        self._stopped = True
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def _owner_id(self, context: Context) -> str:
        """Whose run it is: run ids are unique in a DAG, and a DAG written by hand may hold several routes."""
        name, dag_id = self.route.route, _dag_id(context)
        return dag_id or name if dag_id in (None, name, events_dag_id(name)) else f"{dag_id}.{name}"

    def _has_events_dag(self, context: Context) -> bool:
        """Whether runs of another DAG, beside the one that this task is in, take the route's events."""
        return _dag_id(context) == self.route.route and has_events_dag(self.route)

    def _run_id(self, context: Context) -> str:
        """As the ledger knows the run: it keeps the runs of a route, and several DAGs may have tasks of one route."""
        owner = self._owner_id(context)
        return context["run_id"] if owner == self.route.route else f"{owner}/{context['run_id']}"

    def services(self) -> Services:
        made = TaskServices(self._watch)
        made.priority = self.route.priority
        if settings.default_deferrable():
            made.waits_at_most = WAITS_AT_MOST
        return made

    def run_until_stopped(self, stage: Coroutine[Any, Any, T], stop: asyncio.Event | None = None) -> T:
        """Run an engine's stage to its end, or until a moment after :meth:`on_kill`.

        ``stop`` is set at once then, for a stage that can come to an end by itself. Raises OutageError when stopped.
        """
        return asyncio.run(self._until_stopped(stage, stop or asyncio.Event()))

    async def _until_stopped(self, stage: Coroutine[Any, Any, T], stop: asyncio.Event) -> T:
        self._loop, self._stop = asyncio.get_running_loop(), stop
        if self._stopped:
            stop.set()
        working = asyncio.create_task(stage)
        stopping = asyncio.create_task(stop.wait())
        try:
            while not working.done() and not stop.is_set():
                await asyncio.wait({working, stopping}, timeout=WAKE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await asyncio.wait({working}, timeout=STAGE_SECONDS)
            if not working.done():
                working.cancel()
                await asyncio.wait({working}, timeout=BREAK_OFF_SECONDS)
                raise OutageError(f"{self.stage} was stopped; the next attempt goes on")
            return working.result()
        finally:
            stopping.cancel()

    def report(self, manifest: Manifest) -> dict[str, Any]:
        """The stage's XCom, paths and counts only; its metrics are sent along."""
        metrics.timing(metrics.STAGE_DURATION, manifest.seconds, route=self.route.route, stage=manifest.stage)
        self.report_counts(manifest.stage, manifest.counts)
        return {"manifest": manifest.path, "entities": manifest.entities, "counts": dict(manifest.counts)}

    def report_together(self, manifests: Sequence[Manifest]) -> dict[str, Any]:
        """The same of pieces of one stage, which this task has done one after the other."""
        counts: Counter[str] = Counter()
        for manifest in manifests:
            counts.update(manifest.counts)
        metrics.timing(
            metrics.STAGE_DURATION, sum(each.seconds for each in manifests), route=self.route.route, stage=self.stage
        )
        self.report_counts(self.stage, counts)
        return {"entities": sum(manifest.entities for manifest in manifests), "counts": dict(counts)}

    def report_counts(self, stage: str, counts: Mapping[str, int]) -> None:
        """What became of entities in a stage, as metrics, in the span of this one, and for its lineage."""
        self._counts[stage] = dict(counts)
        for outcome, count in counts.items():
            metrics.count(metrics.ENTITIES, count, route=self.route.route, stage=stage, outcome=outcome)
        if self._watch is not None:
            self._watch.counted(stage, counts)

    def report_books(self, balance: Balance) -> None:
        """The books of a run that has come to its end."""
        self.report_counts("settle", balance.counts)
        metrics.count(metrics.RUNS, 1, route=self.route.route, outcome="failed" if balance.verdict else "success")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Called by OpenLineage's provider, where it is installed, in the process that ran the task."""
        from airflow_integrations.airflow.dag.lineage import openlineage_facets

        return openlineage_facets(self._worked_by, self.stage, self._counts)

    def skip_stages(
        self,
        context: Context,
        stages: Iterable[str],
        result: dict[str, Any],
        *,
        beyond: int | None = None,
        partitions_of: int | None = None,
    ) -> None:
        """End this task well with ``result`` as its XCom, and skip later stages of this route; also those tasks of push
        that have nothing to send where it has only the parts below ``beyond``, and those of fetch that have no
        partition where these are divided among ``partitions_of`` tasks. Does not return where there are any."""
        wanted = set(stages)
        tasks = [
            task
            for task in self._followers()
            if task.stage in wanted or task.takes_no_part_of(beyond) or task.fetches_none_of(partitions_of)
        ]
        if tasks:
            context["ti"].xcom_push("return_value", result)
            self.skip(context["ti"], tasks)

    @property
    def pushes(self) -> int:
        """How many tasks behind this one send."""
        return max(1, sum(task.stage == "push" for task in self._followers()))

    @property
    def fetch_tasks(self) -> int:
        """How many tasks behind this one fetch partitions."""
        return sum(task.stage == "fetch" for task in self._followers())

    def fetches_none_of(self, tasks: int | None) -> bool:
        """Whether this task has no partition where so many tasks fetch them. None: nobody knows yet."""
        return False

    def takes_no_part_of(self, parts: int | None) -> bool:
        """Whether this task has nothing to do where push has so many parts. None: nobody knows yet."""
        return False

    def is_followed(self) -> bool:
        """Whether all other stages of the route come behind this task, as in a DAG that was made from a route."""
        return {"transform", "push", "settle"} <= {task.stage for task in self._followers()}

    def succeeded_before(self, context: Context) -> frozenset[str]:
        """The stages before this one whose tasks have succeeded, by Airflow: they came to their end, or a person has
        marked them so. Empty where Airflow cannot be asked."""
        tasks = {task.task_id: task.stage for task in self._relatives(upstream=True)}
        asked = getattr(context["ti"], "get_task_states", None)  # what runs a task without a supervisor has none
        if asked is None or not tasks:
            return frozenset()
        try:
            found = asked(dag_id=self.dag_id, task_ids=list(tasks), run_ids=[context["run_id"]])
        except AirflowRuntimeError as error:
            log.warning("Airflow does not say which tasks have succeeded: %s", error)
            return frozenset()
        states = found.get(context["run_id"], {})
        ended: dict[str, set[str | None]] = {}
        for task_id, stage in tasks.items():
            ended.setdefault(stage, set()).add(states.get(task_id))
        return frozenset(stage for stage, how in ended.items() if "success" in how and how <= {"success", "skipped"})

    def _followers(self) -> list[RouteOperator]:
        """The tasks behind this one that are stages of the same route."""
        return self._relatives(upstream=False)

    def _relatives(self, *, upstream: bool) -> list[RouteOperator]:
        near = (task for task in self.get_flat_relatives(upstream=upstream) if isinstance(task, RouteOperator))
        return [task for task in near if task.route.route == self.route.route]


def asked_by(context: Context) -> str:
    """Who has triggered the run, where Airflow knows it; else the run's id."""
    return str(getattr(context.get("dag_run"), "triggering_user_name", None) or context["run_id"])


def is_last_try(context: Context) -> bool:
    """Whether no attempt of this task follows by itself."""
    ti: Any = context["ti"]
    return bool(getattr(ti, "try_number", 1) > getattr(ti, "max_tries", 0))


def _dag_id(context: Context) -> str | None:
    found: str | None = getattr(context.get("dag"), "dag_id", None)
    return found


def _tell_answer(error: IntegrationError, staging: Staging, stage: str) -> None:
    """An error says in one line what is wrong; what the other system said stands above it as a whole, and in the
    console on the page of the run."""
    from airflow_integrations.engine.broken_stage import keep_answer

    try:
        answer = keep_answer(staging, stage, error)
    except OSError as full:  # the task ends with the error that it has
        log.warning("The answer could not be kept for the console: %s", full)
        return
    if answer is not None:
        log.error("The answer was: %s", answer)


def _declared(context: Context) -> list[str]:
    return list(getattr(context.get("dag"), "params", None) or ())


def _given(context: Context, definition: Definition) -> Mapping[str, Any] | None:
    """Airflow's resolved params. Of an edited route they hold the defaults of now, which are not the run's."""
    given: Mapping[str, Any] | None = context.get("params")
    if given is None or definition.params is None:
        return given
    return {name: value for name, value in given.items() if name in RUN_PARAMS}


def _kind(context: Context) -> RunKind:
    return _KINDS.get(run_type(context) or "manual", "manual")
