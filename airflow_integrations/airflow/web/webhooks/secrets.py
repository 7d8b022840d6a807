"""A sender's secret is the password of an Airflow Connection of any type."""

from __future__ import annotations

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.errors import SetupError
from airflow_integrations.webhooks.secrets import Secret

__all__ = ["read_secret"]

_EXAMPLE = "--conn-type generic --conn-password …"


def read_secret(connection: str) -> Secret:
    """Raises SetupError where there is no such Connection, or it has no password."""
    found = AirflowConnections.for_command_line().read(connection, _EXAMPLE)
    if not found.password:
        raise SetupError(f"Connection {connection!r} has no password, which is the secret of a webhook")
    return Secret(found.login or "", found.password)
