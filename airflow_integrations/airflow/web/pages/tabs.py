"""The tab *Integrations* of a DAG, a run or a task in Airflow: the route, or a note that there is none."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from airflow_integrations.airflow.dag.dag_ids import route_of_dag, route_of_live
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.overview import readable_routes

__all__ = ["router"]

router = APIRouter(prefix="/tabs/dag/{dag_id}")


@router.get("")
def dag(request: Request, who: Signed, console: ConsoleDep, dag_id: str) -> Response:
    return _of(request, who, console, dag_id)


@router.get("/task/{task_id}")
def task(request: Request, who: Signed, console: ConsoleDep, dag_id: str, task_id: str) -> Response:
    return _of(request, who, console, dag_id, stage=task_id)


@router.get("/run/{run_id:path}/task/{task_id}")
def task_of_run(request: Request, who: Signed, console: ConsoleDep, dag_id: str, run_id: str, task_id: str) -> Response:
    return _of(request, who, console, dag_id, run_id, stage=task_id)


@router.get("/run/{run_id:path}")
def run(request: Request, who: Signed, console: ConsoleDep, dag_id: str, run_id: str) -> Response:
    return _of(request, who, console, dag_id, run_id)


def _of(request: Request, who: Signed, console: ConsoleDep, dag_id: str, run_id: str = "", stage: str = "") -> Response:
    route = route_of_dag(dag_id)
    if route not in readable_routes(console, who):
        return page(request, "no_route.html", dag_id=dag_id)
    links = Links(request)
    if run_id and route_of_live(dag_id) is None:  # its runs do not belong to the route
        told = run_id if dag_id == route else f"{dag_id}/{run_id}"
        return RedirectResponse(links.to("routes", route, "runs", told, stage=stage), 303)
    return RedirectResponse(links.to("routes", route, stage=stage), 303)
