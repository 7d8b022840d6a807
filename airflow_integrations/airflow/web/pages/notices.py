"""Notes at the edge of the page: what an action has done, how far a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from airflow_integrations.airflow.web.pages.rendering.render import is_fragment, page
from airflow_integrations.plurals import counted, plural

if TYPE_CHECKING:
    from fastapi import Request, Response

    from airflow_integrations.airflow.web.actions.actions import Done

__all__ = ["done", "many", "note"]


def many(entities: int) -> str:
    return f"{counted(entities, 'entity')} {plural(entities, 'is', 'are')}"


def done(request: Request, route: str, result: Done, title: str, *lines: str) -> Response:
    """``lines``: what is next, where no run was started for it."""
    if result.job is not None:
        answer = page(request, "parts/job_asked.html", number=result.job, total=result.entities)
        return _changed(answer)
    left = [f"Left as they are: {reason}" for reason in result.left]
    if result.run_id is not None:
        lines = ("A run of the route was started for them.",)
        if result.paused:
            lines = ("The route's DAG is paused: they go when it is switched on in Airflow.",)
    elif result.paused:
        lines = ("The route's DAG is paused: they go with its next run, once it is switched on in Airflow.",)
    elif result.not_sent is not None:
        lines = (f"No run could be started now: {result.not_sent}", *lines)
    tone: Literal["good", "warn"] = "warn" if left or result.not_sent else "good"
    return note(
        request, title, *lines, *left, tone=tone, run=(route, result.run_id) if result.run_id else None, changed=True
    )


def note(
    request: Request,
    title: str,
    *lines: str,
    tone: Literal["good", "warn", "bad"] = "good",
    run: tuple[str, str] | None = None,
    changed: bool = False,
) -> Response:
    """``run``: a run to link to, by its route and id. ``changed``: what is live on the page is out of date."""
    if not is_fragment(request):  # the page's script was not there to ask for a note
        return page(request, "problem.html", title=title, text=" ".join(lines), remedy="")
    answer = page(request, "parts/said.html", title=title, tone=tone, lines=lines, run=run)
    return _changed(answer) if changed else answer


def _changed(answer: Response) -> Response:
    answer.headers["HX-Trigger-After-Settle"] = "acted"
    return answer
