"""All routes, what waits, what is wrong."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.api.answer import answer, described
from airflow_integrations.airflow.web.api.asked import Asked, Hours
from airflow_integrations.airflow.web.overview import Overview
from airflow_integrations.airflow.web.overview import overview as all_routes
from airflow_integrations.airflow.web.queue_view import Errors, InboxView, QueueView, inbox_view, queue_view
from airflow_integrations.airflow.web.queue_view import errors as error_groups

__all__ = ["router"]

router = APIRouter(tags=["overview"])
Only = Annotated[str | None, Query(max_length=250, description="Only this route")]


@router.get("/overview", summary="All routes at a glance, the most urgent first", responses=described(Overview))
def overview(console: Asked, who: Signed, hours: Hours = 24.0) -> Response:
    return answer(all_routes(console, who, hours=hours))


@router.get("/errors", summary="What is not delivered, by kind of error", responses=described(Errors))
def errors(console: Asked, who: Signed, route: Only = None) -> Response:
    return answer(error_groups(console, who, route))


@router.get("/queue", summary="What waits, who has what under way, what is stuck", responses=described(QueueView))
def queue(console: Asked, who: Signed, route: Only = None) -> Response:
    return answer(queue_view(console, who, route))


@router.get("/inbox", summary="Events that wait for a run, by route", responses=described(InboxView))
def inbox(console: Asked, who: Signed, route: Only = None) -> Response:
    return answer(inbox_view(console, who, route))
