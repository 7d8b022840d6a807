"""The application under ``/integrations``, put together from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_integrations.airflow.web.hooks.app import Hooks

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

__all__ = ["build_app"]


def build_app() -> ASGIApp:
    """Each part protects itself: Airflow's own authentication does not reach plugin applications."""
    routes: list[BaseRoute] = [Mount("/hooks", Hooks().app)]
    return Starlette(routes=routes)
