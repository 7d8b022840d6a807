"""The page of the queue: what waits in the inbox and in the routes, since when, who holds it, and what is stuck."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.queue import inbox_view, queue_view

__all__ = ["router"]

router = APIRouter()


@router.get("/queue")
def queue(request: Request, who: Signed, console: ConsoleDep) -> Response:
    view = queue_view(console, who)
    return page(
        request,
        "queue.html",
        view=view,
        inbox=inbox_view(console, who).waiting,
        acting={name for name in {line.route for line in view.leases} if who.may_act(name)},
        here_address=Links(request).to("queue"),
    )
