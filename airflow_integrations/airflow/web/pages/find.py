"""One key in all routes that the user may read: straight to the entity where one has it, else what begins so."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.entities import Description, entities
from airflow_integrations.airflow.web.overview import readable_routes
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import Links, page

__all__ = ["router"]

router = APIRouter()

NEAR = 20
"""Entities of one route, at most."""


@router.get("/find")
def found(request: Request, who: Signed, console: Behind, key: str = "") -> Response:
    links, key = Links(request), key.strip()
    if not key:
        return RedirectResponse(links.to(""), 303)
    routes = sorted(readable_routes(console, who))
    near = [
        (route, line)
        for route in routes
        for line in entities(console, who, route, Description(prefix=key), limit=NEAR).entities
    ]
    exact = [route for route, line in near if line.key == key]
    if len(exact) == 1:
        return RedirectResponse(links.entity(exact[0], key), 303)
    return page(request, "find.html", key=key, near=near, routes=len(routes))
