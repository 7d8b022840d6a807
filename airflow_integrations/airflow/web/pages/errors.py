"""What is wrong, in all routes: one line for each kind of error, the largest first."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.known import readable_routes
from airflow_integrations.airflow.web.pages.render import Links, page
from airflow_integrations.ledger.overview import error_groups
from airflow_integrations.ledger.status import WRONG

__all__ = ["router"]

router = APIRouter()


@router.get("/errors")
def errors(request: Request, who: Signed, console: Behind, route: str = "", which: str = "") -> Response:
    routes = readable_routes(console, who)
    found = [
        group
        for group in error_groups(console.database)
        if group.route in routes
        and (not route or group.route == route)
        and (which != "person" or group.status in WRONG)
        and (which != "self" or group.status not in WRONG)
    ]
    return page(
        request,
        "errors.html",
        groups=found,
        routes=sorted(routes),
        route=route,
        which=which,
        acting={name for name in {group.route for group in found} if who.may_act(name)},
        here_address=Links(request).to("errors", route=route, which=which),
    )
