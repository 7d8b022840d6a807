"""The Airflow plugin, through the entry point ``airflow.plugins``. Loaded in every component: keep its imports few."""

from __future__ import annotations

from airflow.sdk.plugins_manager import AirflowPlugin

__all__ = ["IntegrationsPlugin"]


class IntegrationsPlugin(AirflowPlugin):
    """Tells Airflow's plugin list (``airflow plugins``) that this package is installed."""

    name = "integrations"
