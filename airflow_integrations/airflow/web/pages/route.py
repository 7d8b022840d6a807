"""One route: its flow, its figures over time, its runs with their books, its errors, its definition."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import page

__all__ = ["router"]

router = APIRouter()


@router.get("/routes/{route}")
def route(request: Request, who: Signed, console: Behind, route: str) -> Response:
    who.to_read(route)
    return page(request, "queue.html", lines=[])
