"""What waits: in the inbox and in the routes, since when, in whose hands, and what of it is stuck."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import page
from airflow_integrations.ledger.overview import queue as waiting

__all__ = ["router"]

router = APIRouter()


@router.get("/queue")
def queue(request: Request, who: Signed, console: Behind) -> Response:
    lines = waiting(console.database, console.now())
    readable = who.readable([line.route for line in lines])
    return page(request, "queue.html", lines=[line for line in lines if line.route in readable])
