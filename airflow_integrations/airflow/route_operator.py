"""What the four operators of a route share: the run they work on, how errors end a task, how a stop is obeyed."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Coroutine, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.sdk import BaseOperator, SkipMixin
from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations.airflow import conf, metrics, settings
from airflow_integrations.airflow.outage_retry import OutageRetry
from airflow_integrations.airflow.stage_watch import StageWatch, watched
from airflow_integrations.airflow.window import window
from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, Staging
from airflow_integrations.window import Window

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.airflow.conf_open import Confirmation
    from airflow_integrations.engine.settle import Balance
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.ledger.records import RunKind
    from airflow_integrations.watch import Watch

__all__ = ["RouteOperator", "TaskServices", "asked_by"]

T = TypeVar("T")

GRACE_SECONDS = 3.5
"""After SIGTERM work under way may come to its end for so long: Airflow kills the process 5 seconds after it."""

WAKE_SECONDS = 0.5
"""The event loop turns at least so often. A signal that arrives in the instant before the loop begins to wait for the
network would otherwise reach Python's handler, and so :meth:`RouteOperator.on_kill`, only with the next answer."""

_KINDS: dict[str, RunKind] = {
    "scheduled": "scheduled",
    "backfill": "backfill",
    "asset_triggered": "asset",
    "asset_materialization": "asset",
}


class TaskServices(Services):
    """The surroundings of a task: Airflow's Connections, and the configured ledger, opened when it is first needed."""

    def __init__(self, watch: Watch | None = None) -> None:
        from airflow_integrations.airflow.connections import AirflowConnections

        super().__init__(AirflowConnections(), log=logging.getLogger("airflow_integrations"), watch=watch)

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            from airflow_integrations.airflow.ledger import open_ledger

            self._ledger = open_ledger()
        return self._ledger

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

    :param route: The route. The stages of one run must be of one definition of it.
    :param staging: A folder or object storage URL that every worker sees; ``[integrations] staging`` where left out.
        The same for all stages.
    """

    stage: ClassVar[str]
    template_fields = ()

    def __init__(self, *, route: Route, staging: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", OutageRetry())
        super().__init__(**kwargs)
        self.route = route
        self.staging = staging
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stopped = False
        self._watch: StageWatch | None = None
        self._counts: dict[str, dict[str, int]] = {}

    @abstractmethod
    def work(self, context: Context, run: Run, staging: Staging) -> Any:
        """The stage itself. What it returns becomes the task's XCom."""

    def execute(self, context: Context) -> Any:
        try:
            asked = conf.read(
                self.route, getattr(context.get("dag_run"), "conf", None), context.get("params"), _declared(context)
            )
            if asked.confirm:
                return self.confirm(context, asked.confirm)
            run = Run(
                route=self.route,
                run_id=self._run_id(context),
                window=window(context, asked.window),
                params=asked.params,
                keys=asked.keys,
                entities=asked.entities,
                limit=asked.limit,
                dry_run=asked.dry_run,
                kind="event" if asked.events else _kind(context),
                interval=_interval(context),
                explicit=asked.window is not None,
                retry=asked.retry,
                events=asked.events,
            )
            staging = Staging(self.staging or settings.staging_base(), self._owner_id(context), context["run_id"])
            with watched(self.route.route, self.stage, run.run_id) as self._watch:
                return self.work(context, run, staging)
        except OutageError as error:
            raise error.with_traceback(None) from None
        except IntegrationError as error:
            raise AirflowFailException(str(error)) from None

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
        dag_id = getattr(context.get("dag"), "dag_id", None) or self.route.route
        return dag_id if dag_id == self.route.route else f"{dag_id}.{self.route.route}"

    def _run_id(self, context: Context) -> str:
        """As the ledger knows the run: it keeps the runs of a route, and several DAGs may have tasks of one route."""
        owner = self._owner_id(context)
        return context["run_id"] if owner == self.route.route else f"{owner}/{context['run_id']}"

    def services(self) -> Services:
        return TaskServices(self._watch)

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
                await asyncio.wait({working}, timeout=GRACE_SECONDS)
            if not working.done():
                working.cancel()
                await asyncio.wait({working}, timeout=1)
                raise OutageError(f"{self.stage} was stopped; the next attempt goes on")
            return working.result()
        finally:
            stopping.cancel()

    def report(self, manifest: Manifest) -> dict[str, Any]:
        """The stage's XCom, paths and counts only; its metrics are sent along."""
        metrics.timing(metrics.STAGE_DURATION, manifest.seconds, route=self.route.route, stage=manifest.stage)
        self.report_counts(manifest.stage, manifest.counts)
        return {"manifest": manifest.path, "entities": manifest.entities, "counts": dict(manifest.counts)}

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
        from airflow_integrations.airflow.lineage import openlineage_facets

        return openlineage_facets(self.route, self.stage, self._counts)

    def skip_stages(self, context: Context, stages: Iterable[str], result: dict[str, Any]) -> None:
        """End this task well with ``result`` as its XCom, and skip later stages of this route. Does not return
        where there are any."""
        wanted = set(stages)
        tasks = [task for task in self._followers() if task.stage in wanted]
        if tasks:
            context["ti"].xcom_push("return_value", result)
            self.skip(context["ti"], tasks)

    def is_followed(self) -> bool:
        """Whether all other stages of the route come behind this task, as in a DAG that was made from a route."""
        return {"transform", "push", "settle"} <= {task.stage for task in self._followers()}

    def _followers(self) -> list[RouteOperator]:
        """The tasks behind this one that are stages of the same route."""
        behind = (task for task in self.get_flat_relatives() if isinstance(task, RouteOperator))
        return [task for task in behind if task.route.route == self.route.route]


def asked_by(context: Context) -> str:
    """Who has triggered the run, where Airflow knows it; else the run's id."""
    return str(getattr(context.get("dag_run"), "triggering_user_name", None) or context["run_id"])


def _interval(context: Context) -> Window | None:
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return Window(start, end) if start is not None and end is not None and start < end else None


def _declared(context: Context) -> list[str]:
    return list(getattr(context.get("dag"), "params", None) or ())


def _kind(context: Context) -> RunKind:
    """What started the run. Airflow gives an enumeration whose members are no plain texts."""
    run_type: Any = getattr(context.get("dag_run"), "run_type", None)
    return _KINDS.get(getattr(run_type, "value", run_type), "manual")
