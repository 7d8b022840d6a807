"""Actions on many entities, which go on behind the page: how far each is."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from airflow_integrations.airflow.web import actions
from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.overview import readable_routes
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import Links, page

__all__ = ["router"]

router = APIRouter(prefix="/jobs")


@router.get("")
def all_jobs(request: Request, who: Signed, console: Behind) -> Response:
    found = actions.job_list(console, who, readable_routes(console, who))
    return page(request, "jobs.html", jobs=found, here_address=Links(request).to("jobs"))


@router.get("/{number}")
def one_job(request: Request, who: Signed, console: Behind, number: int) -> Response:
    """The note that shows it; it asks again until the job has ended."""
    job = actions.job(console, who, number)
    if job is None:
        raise HTTPException(404, f"There is no job {number}, or you may not read its route.")
    answer = page(request, "job.html", job=job)
    if job.finished is not None:
        answer.headers["HX-Trigger-After-Settle"] = "acted"
    return answer
