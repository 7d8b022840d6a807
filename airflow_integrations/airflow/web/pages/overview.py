"""All routes at a glance, what needs a person first."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import page

__all__ = ["router"]

router = APIRouter()


@router.get("/")
def overview(request: Request, who: Signed, console: Behind) -> Response:
    return page(request, "queue.html", lines=[])
