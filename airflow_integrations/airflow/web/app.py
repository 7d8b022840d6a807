"""The application under ``/integrations``, put together from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_integrations.airflow.web.api.app import build_api
from airflow_integrations.airflow.web.console import Console
from airflow_integrations.airflow.web.headers import SecurityHeaders
from airflow_integrations.airflow.web.pages.app import build_pages

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

__all__ = ["build_app"]


def build_app(console: Console | None = None) -> ASGIApp:
    """Each part protects itself: Airflow's own authentication does not reach plugin applications."""
    console = console or Console()
    routes: list[BaseRoute] = [Mount("/api/v1", build_api(console)), Mount("/", build_pages(console))]
    return SecurityHeaders(Starlette(routes=routes))
