"""The pages' application: its parts, who gets in, and how errors are told to people."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from airflow_integrations.airflow.web.console import Console
from airflow_integrations.airflow.web.pages import (
    actions,
    contract,
    entities,
    entity,
    errors,
    find,
    jobs,
    overview,
    queue,
    route,
    store,
    tabs,
)
from airflow_integrations.airflow.web.pages.rendering.render import STATIC, Links, is_fragment, page
from airflow_integrations.airflow.web.security.access import signed_in
from airflow_integrations.errors import IntegrationError, OutageError, RunError, SetupError

__all__ = ["build_pages"]

log = logging.getLogger(__name__)

PARTS = (overview, entity, entities, store, contract, route, errors, queue, actions, jobs, find, tabs)
"""Modules with a ``router``; an entity's key may hold slashes, so its page is looked for first."""
_KEPT_BY_BROWSERS = "public, max-age=31536000, immutable"


class _Static(StaticFiles):
    """Styles, scripts, icons: nothing of them is secret, and their addresses change with their content."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _KEPT_BY_BROWSERS
        return response


def build_pages(console: Console) -> FastAPI:
    """Every page needs a signed-in user; what it needs beyond that it asks for itself."""
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages.state.console = console
    pages.mount("/static", _Static(directory=STATIC))
    for part in PARTS:
        pages.include_router(part.router, dependencies=[Depends(signed_in)])
    pages.add_exception_handler(StarletteHTTPException, _refused)
    pages.add_exception_handler(RequestValidationError, _misunderstood)
    pages.add_exception_handler(IntegrationError, _told)
    return pages


_TITLES = {
    401: ("You are not signed in", "Sign in to Airflow, then open this page again."),
    403: ("You may not do this", "Ask whoever runs this Airflow for the permission, or go back."),
    404: ("There is nothing here", "The address may be wrong, or what was here is no longer known."),
    405: ("There is nothing here", "This address takes actions; it shows no page."),
    422: ("Not done", "Nothing was changed. Correct what the text says and try again."),
    503: (
        "The ledger cannot be reached",
        "Nothing was changed. Try again; if it lasts, look at the ledger's database.",
    ),
}


def _problem(request: Request, status: int, text: str) -> Response:
    title, remedy = _TITLES.get(
        status, ("That went wrong", "It is not known whether anything was changed. The API server's log says more.")
    )
    if status == 422 and request.url.path.endswith("/act/edit"):
        title = "Not saved"
    if is_fragment(request) and request.method != "GET":
        if status == 401:
            remedy = "Sign in to Airflow in another tab, then try again here: what you wrote is still there."
        return page(request, "parts/said.html", status=status, title=title, tone="bad", lines=[text, remedy], run=None)
    return page(request, "problem.html", status=status, title=title, text=text, remedy=remedy)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    if error.status_code == 401 and request.method == "GET" and not is_fragment(request):
        links = Links(request)
        return RedirectResponse(f"{links.airflow}/api/v2/auth/login?next={quote(str(request.url), safe='')}", 307)
    return _problem(request, error.status_code, str(error.detail))


async def _misunderstood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
    return _problem(request, 422, told)


async def _told(request: Request, error: Exception) -> Response:
    """The texts of this package's errors are for people and hold no secret."""
    if isinstance(error, RunError):
        return _problem(request, 422, str(error))
    log.warning("%s: %s", request.url.path, error)
    return _problem(request, 503 if isinstance(error, OutageError | SetupError) else 500, str(error))
