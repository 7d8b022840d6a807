"""The API's FastAPI application: its parts, who gets in, and how errors are told."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from airflow_integrations import __version__
from airflow_integrations.airflow.web.api import actions, entities, events, exports, me, overview, routes
from airflow_integrations.airflow.web.api.json_response import SCHEMAS, answer
from airflow_integrations.airflow.web.console import Console
from airflow_integrations.airflow.web.security.access import signed_in
from airflow_integrations.airflow.web.webhooks.app import Hooks
from airflow_integrations.errors import IntegrationError, OutageError, RunError, SetupError

__all__ = ["build_api"]

PARTS = (me, overview, routes, entities, exports, actions, events)
"""Modules with a ``router``."""


def build_api(console: Console, hooks: Hooks) -> FastAPI:
    """Every endpoint needs a signed-in user; what one of them needs beyond that it asks for itself."""
    api = FastAPI(
        title="Airflow Integrations",
        version=__version__,
        description="What the console knows and does: https://github.com/airflow-integrations, in "
        "docs/operations/console-api.md",
        dependencies=[Depends(signed_in)],
        # FastAPI's own documentation pages load scripts from another host, and nobody has to sign in for them.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    api.state.console = console
    api.state.hooks = hooks
    for part in PARTS:
        api.include_router(part.router)
    api.add_exception_handler(IntegrationError, _told)

    def openapi(request: Request) -> Response:
        return answer(_document(api, request.scope.get("root_path", "")))

    api.add_api_route("/openapi.json", openapi, methods=["GET"], summary="This document", include_in_schema=False)
    return api


def _document(api: FastAPI, root: str) -> dict[str, Any]:
    document = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes, servers=[{"url": root}]
    )
    document.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
    return document


async def _told(request: Request, error: Exception) -> Response:
    """The texts of this package's errors are for people and hold no secret."""
    if isinstance(error, RunError):
        return answer({"detail": str(error)}, 422)
    response = answer({"detail": str(error)}, 503 if isinstance(error, OutageError | SetupError) else 500)
    if isinstance(error, OutageError):
        response.headers["Retry-After"] = "5"
    return response
