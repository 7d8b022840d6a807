"""One key in all routes that the user may read: straight to the entity where one has it, else what contains it."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.entity_search import Description, shown_page
from airflow_integrations.airflow.web.views.overview import readable_routes
from airflow_integrations.airflow.web.views.waiting_events import waiting_events
from airflow_integrations.ledger.queries.search import with_entities
from airflow_integrations.ledger.queries.views import EntityLine
from airflow_integrations.plurals import counted

__all__ = ["router"]

router = APIRouter()

NEAR = 20
"""Entities of one route, at most."""
SECONDS = 1.0
"""How long keys are searched that have the text somewhere inside, in all routes together. What begins with it is found
by an index, and is always there."""


@router.get("/find")
def found(request: Request, who: Signed, console: ConsoleDep, key: str = "") -> Response:
    links, key = Links(request), key.strip()
    if not key:
        return RedirectResponse(links.to(""), 303)
    routes = sorted(readable_routes(console, who))
    filled = sorted(with_entities(console.database, routes))
    begin = {route: shown_page(console, route, Description(prefix=key), limit=NEAR).entities for route in filled}
    exact = [route for route, lines in begin.items() if any(line.key == key for line in lines)]
    if len(exact) == 1:
        return RedirectResponse(links.entity(exact[0], key), 303)
    until, unread, inside = time.monotonic() + SECONDS, list[str](), list[tuple[str, EntityLine]]()
    for route in filled:
        left = until - time.monotonic()
        if left <= 0:
            unread.append(route)
            continue
        more = shown_page(console, route, Description(inside=key), limit=NEAR, seconds=left)
        inside += [(route, line) for line in more.entities if not line.key.startswith(key)]
        if not more.searched:
            unread.append(route)
    near = [(route, line) for route, lines in begin.items() for line in lines]
    near.sort(key=lambda each: each[1].key != key)
    waiting = [] if exact else waiting_events(console, who, routes, key)
    if waiting and not near and not inside:
        return RedirectResponse(links.entity(waiting[0], key), 303)
    return page(
        request,
        "find.html",
        key=key,
        near=near + inside,
        routes=len(routes),
        read=len(routes) - len(unread),
        stopped=_some(unread),
        unread=unread[:NEAR],
    )


def _some(routes: list[str]) -> str:
    if not routes:
        return ""
    return routes[0] if len(routes) == 1 else counted(len(routes), "route")
