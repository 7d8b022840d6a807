"""Low latency: a route's resident consumer as an Airflow task, in a DAG of its own beside the route's.

Every quarter of an hour a run begins that consumes for 16 minutes; the next one stands by in the last of them, so that
there is no gap. (ContinuousTimetable begins the next run when the last one has ended, some seconds later.)
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag import pools
from airflow_integrations.airflow.dag.assets import changed, outlets
from airflow_integrations.airflow.dag.dag_ids import live_dag_id
from airflow_integrations.airflow.dag.task_arguments import placement
from airflow_integrations.airflow.operators.base import RouteOperator
from airflow_integrations.airflow.operators.telemetry import watched
from airflow_integrations.airflow.triggers.ring_from_task import RING_SECONDS, ring_woken
from airflow_integrations.errors import IntegrationError, OutageError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Run, Services
    from airflow_integrations.staging.folder import Staging

__all__ = ["ConsumeOperator", "build_live_dag"]

CONSUMES = timedelta(minutes=16)
BEGINS = "*/15 * * * *"
TRIES_AGAIN = timedelta(seconds=2)


class ConsumeOperator(RouteOperator):
    """Deliver what comes into the route's inbox, within milliseconds, for 16 minutes; before that, stand by where
    another task is the route's consumer.

    Killed, it loses nothing: its next try, or the next run, closes the books of what it had in flight and goes on.
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

        from airflow_integrations.engine.live.consumer import Consumer
        from airflow_integrations.ledger.inbox.holder_process import holder_name

        stop = asyncio.Event()
        until = time.time() + CONSUMES.total_seconds()

        async def consume() -> dict[str, Any]:
            async with self.services() as services:
                holder = holder_name(context["run_id"])
                base = self.staging or settings.staging_base()
                consumer = Consumer(self.route, services, base, holder, max_bytes=settings.staging_max_bytes())
                ringing = asyncio.create_task(_ring_woken(context["ti"], services))
                try:
                    await consumer.work(until, stop)
                finally:
                    ringing.cancel()
                    await asyncio.gather(ringing, return_exceptions=True)
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


async def _ring_woken(ti: Any, services: Services) -> None:
    """Ring for routes whose entities wait for what this one delivers, as long as the task works."""
    import asyncio

    rung: dict[str, int] = {}
    while True:
        await asyncio.sleep(RING_SECONDS)
        try:
            await asyncio.to_thread(ring_woken, ti, services.ledger, rung)
        except OutageError:  # the consumer says so
            continue
        except Exception:  # it must not end the consumer, nor end unseen
            services.log.exception(
                "this task can no longer start routes whose entities waited for it; the API server and the maintenance "
                "DAG start them"
            )
            return


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
        ConsumeOperator(task_id="consume", route=route, **placement(route))
    return dag
