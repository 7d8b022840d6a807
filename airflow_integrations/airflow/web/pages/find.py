"""One key in all routes that the user may read: straight to the entity where there is one, else what is near."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.known import readable_routes
from airflow_integrations.airflow.web.pages.render import Links, page
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.queries import find, where

__all__ = ["router"]

router = APIRouter()
NEAR = 20
"""Entities of one route whose keys begin with what was asked for, at most."""


@router.get("/find")
def found(request: Request, who: Signed, console: Behind, key: str = "") -> Response:
    key = key.strip()
    if not key:
        return RedirectResponse(Links(request).to(""), 303)
    routes = sorted(readable_routes(console, who))
    exact = [route for route in routes if where(console.database, route, key, console.now()) is not None]
    if len(exact) == 1:
        return RedirectResponse(Links(request).entity(exact[0], key), 303)
    near = []
    for route in routes:
        try:
            lines = find(console.database, route=route, prefix=key, limit=NEAR).entities
        except RunError:  # no run of it has begun yet
            continue
        near += [(route, line) for line in lines]
    return page(request, "find.html", key=key, near=near, routes=len(routes))
