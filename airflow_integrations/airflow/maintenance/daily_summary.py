"""The DAG of the daily summary, where ``[integrations] daily_summary`` says when: ``summarise >> send``.

Each target that a route names under ``alerts`` gets one message about the routes that name it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag import pools
from airflow_integrations.airflow.maintenance.routes_operator import RoutesOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["SUMMARY", "SendOperator", "SummariseOperator", "build_summary"]

SUMMARY = "integrations_daily_summary"
"""The id of the DAG; no route can have this name."""

DAY = 86_400.0

_STORY = """\
Tells once a day what flowed and what failed. Who is told: the targets that routes name under `alerts`, each of the
routes that name it. Where a message cannot be sent, the task is tried again.
"""


class SummariseOperator(RoutesOperator):
    """Write the messages. XCom: one mapping a target, what ``send`` is expanded over; numbers, no payloads."""

    def work(self, routes: Path, context: Context) -> list[dict[str, Any]]:
        return _messages(routes, datetime.now(UTC).timestamp())


class SendOperator(BaseOperator):
    """Send one message. Fails where it is not taken, so that Airflow tries again. ``to`` names it in Airflow's UI."""

    template_fields = ()

    def __init__(self, *, to: str, target: dict[str, Any], message: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.target = target
        self.message = message

    def execute(self, context: Context) -> None:
        from airflow_integrations.airflow.maintenance.notifiers import send
        from airflow_integrations.alerting.messages import Message
        from airflow_integrations.route.alerts import Target

        send(Target.model_validate(self.target), Message(**self.message))


def build_summary(routes: str | Path) -> DAG | None:
    """The DAG, for the folder ``routes``; None where it is not configured. Does no I/O but read Airflow's
    configuration. Raises SetupError for a time that is none."""
    when = settings.daily_summary()
    if when is None:
        return None
    default_args: dict[str, Any] = {
        "owner": "airflow",
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=10),
        "priority_weight": pools.weight("low"),
        "weight_rule": "absolute",
    }
    if settings.pools_enabled():
        default_args["pool"] = pools.pool_name("low")
    with DAG(
        SUMMARY,
        description="Tells once a day what flowed and what failed.",
        schedule=CronTriggerTimetable(when.cron, timezone=when.timezone),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["integration"],
        doc_md=_STORY,
        default_args=default_args,
        auto_register=False,
    ) as dag:
        summarise = SummariseOperator(task_id="summarise", routes=str(routes))
        SendOperator.partial(task_id="send", map_index_template="{{ task.to }}").expand_kwargs(summarise.output)
    return dag


def _messages(routes: Path, now: float) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from airflow_integrations.airflow.config.ledger import open_ledger
    from airflow_integrations.airflow.links import console_link
    from airflow_integrations.airflow.maintenance.served_routes import ServedRoutes
    from airflow_integrations.alerting.summary import RouteDay, summary
    from airflow_integrations.ledger.queries.health import books_since, depths

    days: dict[str, list[RouteDay]] = {}
    targets = {}
    with open_ledger() as ledger:
        open_now = {depth.route: depth for depth in depths(ledger, now)}
        for name, loaded in sorted(ServedRoutes.beside(routes).all().routes.items()):
            if loaded.route.alerts is None:
                continue
            books = books_since(ledger, name, now - DAY)
            day = RouteDay(name, books, open_now.get(name), console_link(name))
            for target in loaded.route.alerts.notify:
                targets[target.name] = target.model_dump(mode="json", exclude_unset=True)
                days.setdefault(target.name, []).append(day)
    return [
        {"to": name, "target": targets[name], "message": asdict(summary(of_target, now))}
        for name, of_target in days.items()
    ]
