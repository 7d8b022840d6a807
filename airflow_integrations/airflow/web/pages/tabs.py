"""What Airflow shows in the tab *Integrations* of a DAG, a run or a task: the route, or that this is none."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.overview import readable_routes
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import Links, page

__all__ = ["router"]

router = APIRouter(prefix="/tabs/dag/{dag_id}")


@router.get("")
def dag(request: Request, who: Signed, console: Behind, dag_id: str) -> Response:
    return _of(request, who, console, dag_id)


@router.get("/task/{task_id}")
def task(request: Request, who: Signed, console: Behind, dag_id: str, task_id: str) -> Response:
    return _of(request, who, console, dag_id, stage=task_id)


@router.get("/run/{run_id:path}/task/{task_id}")
def task_of_run(request: Request, who: Signed, console: Behind, dag_id: str, run_id: str, task_id: str) -> Response:
    return _of(request, who, console, dag_id, run_id, stage=task_id)


@router.get("/run/{run_id:path}")
def run(request: Request, who: Signed, console: Behind, dag_id: str, run_id: str) -> Response:
    return _of(request, who, console, dag_id, run_id)


def _of(request: Request, who: Signed, console: Behind, dag_id: str, run_id: str = "", stage: str = "") -> Response:
    if dag_id not in readable_routes(console, who):
        return page(request, "no_route.html", dag_id=dag_id)
    links = Links(request)
    if run_id:
        return RedirectResponse(links.to("routes", dag_id, "runs", run_id, stage=stage), 303)
    return RedirectResponse(links.to("routes", dag_id, stage=stage), 303)
