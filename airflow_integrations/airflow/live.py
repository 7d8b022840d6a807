"""Low latency: a route's resident consumer as an Airflow task, in a DAG of its own beside the route's.

Every quarter of an hour a run begins that consumes for 16 minutes; the next one stands by in the last of them, so that
there is no gap. (ContinuousTimetable begins the next run when the last one has ended, some seconds later.)
"""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations.airflow import pools, settings
from airflow_integrations.airflow.assets import changed, outlets
from airflow_integrations.airflow.route_operator import RouteOperator
from airflow_integrations.airflow.stage_watch import watched
from airflow_integrations.errors import IntegrationError, OutageError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.route import Route
    from airflow_integrations.run import Run
    from airflow_integrations.staging import Staging

__all__ = ["LIVE", "ConsumeOperator", "build_live_dag", "is_live", "live_dag_id", "route_of_live"]

LIVE = "__live"
"""How the ids of these DAGs end; no route's name does."""
CONSUMES = timedelta(minutes=16)
BEGINS = "*/15 * * * *"
TRIES_AGAIN = timedelta(seconds=2)


class ConsumeOperator(RouteOperator):
    """Deliver what comes into the route's inbox, within milliseconds, for 16 minutes; before that, stand by where
    another task is the route's consumer.

    Killed, it loses nothing: its next try, or the next run, closes the books of what it had under way and goes on.
    XCom: ``{"counts": {…}}``, the books of all that it did. Where it delivered something the route's asset changes when
    it ends.
    """

    stage = "consume"
    ui_color = "#fee2e2"

    def __init__(self, *, route: Route, **kwargs: Any) -> None:
        kwargs["outlets"] = [*(kwargs.get("outlets") or ()), *outlets(route)]
        super().__init__(route=route, **kwargs)

    def execute(self, context: Context) -> Any:
        import asyncio

        from airflow_integrations.engine.consumer import Consumer

        stop = asyncio.Event()
        until = time.time() + CONSUMES.total_seconds()

        async def consume() -> dict[str, Any]:
            async with self.services() as services:
                holder = f"{socket.gethostname()}:{os.getpid()}:{context['run_id']}"
                base = self.staging or settings.staging_base()
                consumer = Consumer(self.route, services, base, holder, max_bytes=settings.staging_max_bytes())
                try:
                    await consumer.work(until, stop)
                finally:
                    self.report_counts("settle", consumer.counts)
                return {"counts": dict(consumer.counts)}

        try:
            with watched(self.route.route, self.stage, context["run_id"]) as self._watch:
                result = self.run_until_stopped(consume(), stop)
        except OutageError as error:
            raise error.with_traceback(None) from None
        except IntegrationError as error:
            raise AirflowFailException(str(error)) from None
        changed(context, self.route, result["counts"].get("delivered", 0), {"run_id": context["run_id"]})
        return result

    def work(self, context: Context, run: Run, staging: Staging) -> Any:
        raise AssertionError("a consumer has no run of its own")


def is_live(route: Route) -> bool:
    """Whether the route has a consumer."""
    return route.trigger is not None and route.trigger.latency == "low"


def live_dag_id(route: str) -> str:
    return route + LIVE


def route_of_live(dag_id: str) -> str | None:
    """The route whose consumer this DAG is; None: it is none of these."""
    return dag_id.removesuffix(LIVE) if dag_id.endswith(LIVE) else None


def build_live_dag(route: Route) -> DAG:
    """The DAG of a route's consumer. Does no I/O but read Airflow's configuration."""
    default_args: dict[str, Any] = {
        "owner": route.owner,
        "retries": 100,
        "retry_delay": TRIES_AGAIN,
        "execution_timeout": CONSUMES + timedelta(minutes=4),
        "priority_weight": pools.weight("critical"),
        "weight_rule": "absolute",
    }
    if settings.pools_enabled():
        default_args["pool"] = pools.LIVE_POOL
    with DAG(
        live_dag_id(route.route),
        description=f"Delivers what comes in for {route.route}, within milliseconds.",
        # At once where it is new, or was switched off: not at the next quarter of an hour.
        schedule=CronTriggerTimetable(BEGINS, timezone="UTC", run_immediately=True),
        catchup=False,
        max_active_runs=2,
        is_paused_upon_creation=route.paused,
        tags=sorted({*route.tags, "integration", "live", route.priority}),
        doc_md=f"The resident consumer of the route `{route.route}`. It holds a slot for as long as it is switched on.",
        default_args=default_args,
        auto_register=False,
    ) as dag:
        ConsumeOperator(task_id="consume", route=route)
    return dag
