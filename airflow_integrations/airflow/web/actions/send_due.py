"""A run of a route that only sends what is due: for those who do not want to wait for the schedule."""

from __future__ import annotations

from airflow_integrations.airflow.triggers.trigger_dag import trigger
from airflow_integrations.airflow.web.actions.audit import audit

__all__ = ["send_due"]


def send_due(route: str, run_id: str, *, by: str) -> None:
    """Whether the user may start runs is the caller's matter. Raises SetupError and OutageError where none starts."""
    trigger(route, run_id, {"retry": "due"}, by=by)
    audit(by, "send", route, run=run_id)
