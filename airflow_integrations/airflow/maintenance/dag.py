"""The DAG that keeps the ledger in order and gives a route a run when something of it waits: ``cleanup >> wake``.

Beside them ``evaluate_alerts`` sends metrics and alerts: a mail server that is away keeps nobody from working.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import DagRunTriggerException

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag import pools
from airflow_integrations.airflow.maintenance.routes_operator import RoutesOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["MAINTENANCE", "AlertsOperator", "CleanupOperator", "WakeOperator", "build_maintenance"]

log = logging.getLogger("airflow_integrations")

MAINTENANCE = "integrations_maintenance"
"""The id of the DAG; no route can have this name."""

_STORY = """\
Keeps the ledger of all routes in order, every two minutes.

- **cleanup** closes the books of runs that died, and fails entities that nobody confirmed in time. Once an hour it
  deletes what each route's `retention` no longer keeps.
- **wake** triggers routes that have entities to send again, events that wait, or fetches of another route to read,
  and no run soon. A paused route is left alone.
- **alerts** sends the metrics of what waits, and the alerts that the routes ask for.
"""


class CleanupOperator(RoutesOperator):
    """Put the ledger in order. XCom: which DAGs to trigger, with the run's id: what ``wake`` is expanded over."""

    def work(self, routes: Path, context: Context) -> list[dict[str, str]]:
        from airflow_integrations.airflow.maintenance.cleanup import clean_up
        from airflow_integrations.airflow.maintenance.wake import idle_routes

        now = datetime.now(UTC)
        wanted = clean_up(routes, settings.staging_base(), now, thoroughly=_hourly(context))
        ti: Any = context["ti"]
        names = sorted({*wanted.retries, *wanted.events})
        # One id a minute: should this task be retried, no second run is triggered. A run for events takes along what is
        # to be sent again.
        idle = idle_routes(names, wanted.events, ti, ti.dag_id, routes, now)
        events = {route for route, dag_id in idle.items() if route in wanted.events or dag_id != route}
        return [
            {
                "route": route,
                "wakes": dag_id,
                "wake_id": f"{'event' if route in events else 'retry'}__{now:%Y-%m-%dT%H:%M}Z",
            }
            for route, dag_id in idle.items()
        ]


class WakeOperator(BaseOperator):
    """Trigger the DAG ``wakes`` of a route so that it sends what is due, or takes what waits of events and of another
    route's fetches; skipped where that run is there already. Which of both, the id begins with."""

    def __init__(self, *, route: str, wakes: str, wake_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.route = route
        self.wakes = wakes
        self.wake_id = wake_id

    def execute(self, context: Context) -> None:
        log.info("%s gets the run %s", self.wakes, self.wake_id)
        raise DagRunTriggerException(
            trigger_dag_id=self.wakes,
            dag_run_id=self.wake_id,
            conf={"events": True} if self.wake_id.startswith("event__") else {"retry": "due"},
            reset_dag_run=False,
            skip_when_already_exists=True,
            wait_for_completion=False,
            allowed_states=[],
            failed_states=[],
            poke_interval=60,
            deferrable=False,
        )


class AlertsOperator(RoutesOperator):
    """Send the metrics of what waits and the alerts of the routes. Who could not be told is told the next time."""

    def work(self, routes: Path, context: Context) -> None:
        from airflow_integrations.airflow.maintenance.alerts import evaluate_alerts

        ti: Any = context["ti"]
        evaluate_alerts(routes, ti, datetime.now(UTC).timestamp())


def build_maintenance(routes: str | Path) -> DAG:
    """The DAG, for the folder ``routes``. Does no I/O but read Airflow's configuration."""
    default_args: dict[str, Any] = {
        "owner": "airflow",
        "retries": 0,
        "execution_timeout": timedelta(hours=1),
        "priority_weight": pools.weight("high"),  # short, and never in the way of critical
        "weight_rule": "absolute",
    }
    if settings.pools_enabled():
        default_args["pool"] = pools.pool_name("high")
    with DAG(
        MAINTENANCE,
        description="Keeps the ledger in order; wakes routes that have something to do.",
        schedule=CronTriggerTimetable("*/2 * * * *", timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["integration"],
        doc_md=_STORY,
        default_args=default_args,
        auto_register=False,
    ) as dag:
        tidy = CleanupOperator(task_id="cleanup", routes=str(routes))
        AlertsOperator(task_id="alerts", routes=str(routes), execution_timeout=timedelta(minutes=5))
        WakeOperator.partial(task_id="wake", map_index_template="{{ task.route }}").expand_kwargs(tidy.output)
    return dag


def _hourly(context: Context) -> bool:
    """Whether this run does what is done once an hour: the first of the hour, and each that a person triggers."""
    run: Any = context.get("dag_run")
    return bool(run.run_type != "scheduled" or run.run_after.minute < 2)
