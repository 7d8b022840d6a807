"""The Airflow plugin, through the entry point ``airflow.plugins``. Loaded in every component: keep its imports few."""

from __future__ import annotations

from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

from airflow_integrations.airflow.web.mount import LazyApp

__all__ = ["IntegrationsPlugin"]


class IntegrationsPlugin(AirflowPlugin):
    """Mounts webhooks, API and console in Airflow's API server."""

    name = "integrations"
    fastapi_apps: list[Any] = [  # noqa: RUF012 - as Airflow declares it
        {"app": LazyApp(), "url_prefix": "/integrations", "name": "Airflow Integrations"}
    ]
