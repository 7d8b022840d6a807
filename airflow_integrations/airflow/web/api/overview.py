"""All routes, what waits, what is wrong."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from airflow_integrations.airflow.web.api.dependencies import Hours
from airflow_integrations.airflow.web.api.json_response import answer, described
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.overview import Overview
from airflow_integrations.airflow.web.views.overview import overview as all_routes
from airflow_integrations.airflow.web.views.queue import Errors, InboxView, QueueView, inbox_view, queue_view
from airflow_integrations.airflow.web.views.queue import errors as error_groups

__all__ = ["router"]

router = APIRouter(tags=["overview"])
Only = Annotated[str | None, Query(max_length=250, description="Only this route")]


@router.get("/overview", summary="All routes at a glance, the most urgent first", responses=described(Overview))
def overview(console: ConsoleDep, who: Signed, hours: Hours = 24.0) -> Response:
    return answer(all_routes(console, who, hours=hours))


@router.get("/errors", summary="What is not delivered, by kind of error", responses=described(Errors))
def errors(console: ConsoleDep, who: Signed, route: Only = None) -> Response:
    return answer(error_groups(console, who, route))


@router.get("/queue", summary="What waits, who has what in flight, what is stuck", responses=described(QueueView))
def queue(console: ConsoleDep, who: Signed, route: Only = None) -> Response:
    return answer(queue_view(console, who, route))


@router.get("/inbox", summary="Events that wait for a run, by route", responses=described(InboxView))
def inbox(console: ConsoleDep, who: Signed, route: Only = None) -> Response:
    return answer(inbox_view(console, who, route))
