"""The Airflow plugin, through the entry point ``airflow.plugins``. Loaded in every component: keep its imports few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

from airflow_integrations.airflow.web.mount import LazyApp

__all__ = ["IntegrationsPlugin"]


def _view(destination: str, url_route: str, href: str, name: str = "Integrations") -> dict[str, Any]:
    """Relative addresses: Airflow's page resolves them against the path that it is served from itself."""
    return {
        "name": name,
        "destination": destination,
        "url_route": url_route,
        "href": f"integrations/{href}",
        "icon": "integrations/static/icon.svg",
        "icon_dark_mode": "integrations/static/icon-dark.svg",
    }


class _Timetables(list[Any]):
    """Our timetables, imported when somebody asks for them: a task does not."""

    def __iter__(self) -> Iterator[Any]:
        from airflow_integrations.airflow.dag import shown_timetables

        return (getattr(shown_timetables, name) for name in shown_timetables.__all__)


class IntegrationsPlugin(AirflowPlugin):
    """Mounts webhooks, API and console in Airflow's API server, and puts the console into Airflow's pages."""

    name = "integrations"
    fastapi_apps: list[Any] = [  # noqa: RUF012 - as Airflow declares it
        {"app": LazyApp(), "url_prefix": "/integrations", "name": "Airflow Integrations"}
    ]
    timetables: list[Any] = _Timetables()
    # Airflow finds a view by its url_route, whatever its destination is: no two may share one.
    external_views: list[Any] = [  # noqa: RUF012 - as Airflow declares it
        _view("nav", "integrations", "", "Routes") | {"nav_top_level": True},  # the menu cuts longer words
        _view("dag", "integrations-route", "tabs/dag/{DAG_ID}"),
        _view("dag_run", "integrations-run", "tabs/dag/{DAG_ID}/run/{RUN_ID}"),
        _view("task", "integrations-stage", "tabs/dag/{DAG_ID}/task/{TASK_ID}"),
        _view("task_instance", "integrations-task", "tabs/dag/{DAG_ID}/run/{RUN_ID}/task/{TASK_ID}"),
    ]
