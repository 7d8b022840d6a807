"""The application under ``/integrations``, put together from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.web.api.app import build_api
from airflow_integrations.airflow.web.console import Console
from airflow_integrations.airflow.web.pages.app import build_pages
from airflow_integrations.airflow.web.security.body_limit import BodyLimit
from airflow_integrations.airflow.web.security.headers import SecurityHeaders
from airflow_integrations.airflow.web.webhooks.app import Hooks
from airflow_integrations.airflow.web.webhooks.bypass import take_short_cut

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

__all__ = ["build_app"]

MOST_BYTES = 8 * 1024 * 1024
"""Of a request: ten thousand keys of the greatest length, or an edited payload as a form sends it."""


def build_app(airflow: Any = None, console: Console | None = None, hooks: Hooks | None = None) -> ASGIApp:
    """Each part protects itself: Airflow's own authentication does not reach plugin applications. ``airflow`` is the
    application that this one is mounted in."""
    console, hooks = console or Console(), hooks or Hooks()
    routes: list[BaseRoute] = [
        Mount("/api/v1", BodyLimit(build_api(console, hooks), MOST_BYTES)),
        Mount("/", BodyLimit(build_pages(console), MOST_BYTES)),  # the last: it answers for whatever nobody else has
    ]
    console.jobs.wake()  # one that the end of another API server interrupted goes on
    pages = SecurityHeaders(Starlette(routes=routes))
    if not settings.webhook_access_log():
        take_short_cut(airflow, hooks.app)
    return Starlette(routes=[Mount("/hooks", hooks.app), Mount("/", pages)])
