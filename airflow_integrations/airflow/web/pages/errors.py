"""The page of errors in all routes: one line for each kind of error, those first that need a person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.overview import readable_routes
from airflow_integrations.airflow.web.views.queue import errors as grouped
from airflow_integrations.ledger.status import WRONG

__all__ = ["router"]

router = APIRouter()


@router.get("/errors")
def errors(request: Request, who: Signed, console: ConsoleDep, route: str = "", which: str = "") -> Response:
    """``which``: those that need a ``person``, or those that go again by them``self``; all others mean all."""
    wanted = {"person": (True,), "self": (False,)}.get(which, (True, False))
    groups = [each for each in grouped(console, who, route or None).groups if (each.status in WRONG) in wanted]
    return page(
        request,
        "errors.html",
        groups=sorted(groups, key=lambda group: (group.status not in WRONG, -group.count)),
        routes=sorted(readable_routes(console, who)),
        route=route,
        which=which,
        acting={name for name in {group.route for group in groups} if who.may_act(name)},
        here_address=Links(request).to("errors", route=route, which=which),
    )
