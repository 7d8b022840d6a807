"""Actions on many entities, which go on behind the page: how far each is."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import RedirectResponse

from airflow_integrations.airflow.web.actions import actions
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.airflow_dags import is_paused
from airflow_integrations.airflow.web.views.overview import readable_routes

__all__ = ["router"]

router = APIRouter(prefix="/jobs")


@router.get("")
def all_jobs(request: Request, who: Signed, console: ConsoleDep) -> Response:
    found = actions.job_list(console, who, readable_routes(console, who))
    return page(request, "jobs.html", jobs=found, here_address=Links(request).to("jobs"))


@router.get("/{number}")
def one_job(request: Request, who: Signed, console: ConsoleDep, number: int) -> Response:
    """The note that shows it; it asks again until the job has ended. Who opens it by itself is shown all jobs."""
    if "hx-request" not in request.headers:
        return RedirectResponse(Links(request).to("jobs"), 303)
    job = actions.job(console, who, number)
    if job is None:
        raise HTTPException(404, f"There is no job {number}, or you may not read its route.")
    answer = page(request, "job.html", job=job, paused=is_paused(job.route))
    if job.finished is not None:
        answer.headers["HX-Trigger-After-Settle"] = "acted"
    return answer
