"""A run that has not ended in time: Airflow's DeadlineAlert, and the message that it sends."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from airflow_integrations.config.types import duration_text
from airflow_integrations.route.dag_options import Deadline
from airflow_integrations.route.definition import Route

__all__ = ["deadline_alert", "notify_missed"]

log = logging.getLogger("airflow_integrations")


def deadline_alert(route: Route, deadline: Deadline) -> DeadlineAlert:
    """The alert of the route's DAG. Its callback takes a slot of the executor for a moment."""
    targets = deadline.notify if deadline.notify is not None else route.alerts.notify if route.alerts else ()
    references = {
        "queued": DeadlineReference.DAGRUN_QUEUED_AT,
        "logical_date": DeadlineReference.DAGRUN_LOGICAL_DATE,
    }
    return DeadlineAlert(
        reference=references[deadline.since],
        interval=deadline.after,
        callback=SyncCallback(
            notify_missed,
            kwargs={
                "route": route.route,
                "after": duration_text(deadline.after),
                "targets": [target.model_dump(mode="json", exclude_unset=True) for target in targets],
            },
        ),
    )


def notify_missed(
    *, route: str, after: str, targets: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None
) -> None:
    """Notify each target of a run that has not ended in time. Airflow calls it, in a process of the executor.

    Raises RuntimeError where one could not be notified; the others are.
    """
    from airflow_integrations.airflow.maintenance.notifiers import send
    from airflow_integrations.route.alerts import Target

    run = (context or {}).get("dag_run") or {}
    told = _message(route, str(run.get("dag_run_id") or run.get("run_id") or "?"), after)
    failed = []
    for given in targets:
        target = Target.model_validate(given)
        try:
            send(target, told)
        except Exception as error:  # whatever a notifier raises: the others are told
            log.error("%s could not be notified: %s", target.name, error)
            failed.append(target.name)
        else:
            log.info("%s was notified: %s", target.name, told.subject)
    if failed:
        raise RuntimeError(f"not notified: {', '.join(failed)}")


def _message(route: str, run_id: str, after: str) -> Any:
    import html

    from airflow_integrations.airflow.links import console_link, run_link
    from airflow_integrations.alerting.messages import Message, one_line

    line = f"{route}: run {one_line(run_id, 200)} has not ended within {after}"
    links = [link for link in (console_link(route), run_link(route, run_id)) if link]
    text = "\n".join([f"{line}; it goes on.", *links])
    linked = "".join(f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>' for link in links)
    return Message(f"DEADLINE {line}", text + "\n", f"<p>{html.escape(line)}; it goes on.</p>{linked}", bad=True)
