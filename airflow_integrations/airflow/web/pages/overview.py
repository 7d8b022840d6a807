"""All routes at a glance, what needs a person first. Filters are in the address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.overview import RouteLine
from airflow_integrations.airflow.web.views.overview import overview as at_a_glance
from airflow_integrations.airflow.web.views.route_state import QUIET, URGENCY
from airflow_integrations.route.definition import PRIORITIES

__all__ = ["PAGE", "Asked", "page_of", "router"]

router = APIRouter()

PAGE = 50
"""Routes of one page, the most urgent first."""
_HOURS = ("1", "24", "168", "720")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters, as they stand in the address. ``state`` may be ``trouble``: what needs a look."""

    name: str = ""
    state: str = ""
    priority: str = ""
    hours: str = "24"
    page: str = "1"

    def fits(self, line: RouteLine) -> bool:
        told = line.outline
        systems = {step.connection or "" for step in told.steps} if told else set()
        if self.name and not any(self.name.lower() in text.lower() for text in (line.route, *systems)):
            return False
        if self.priority and (told is None or told.priority != self.priority):
            return False
        if self.state == "trouble":
            return line.state not in QUIET
        return self.state in ("", line.state)


def page_of(asked: str, routes: int) -> tuple[int, int]:
    """Which page is shown, and how many there are: the nearest one where there is none of the number that is asked."""
    pages = max(1, -(-routes // PAGE))
    wanted = int(asked) if asked.isdecimal() and asked.isascii() and len(asked) < 6 else 1
    return min(pages, max(1, wanted)), pages


@router.get("/")
def overview(request: Request, who: Signed, console: ConsoleDep, asked: Annotated[Asked, Depends()]) -> Response:
    hours = float(asked.hours) if asked.hours in _HOURS else 24.0
    found = at_a_glance(console, who, hours=hours)
    lines = [line for line in found.routes if asked.fits(line)]
    number, pages = page_of(asked.page, len(lines))
    links, filters = Links(request), {name: text for name, text in asdict(asked).items() if name != "page"}
    return page(
        request,
        "overview.html",
        found=found,
        lines=lines[(number - 1) * PAGE : number * PAGE],
        fitting=len(lines),
        number=number,
        pages=[(each, links.to("", **filters, page=each)) for each in range(1, pages + 1)],
        asked=asked,
        hours=hours,
        states=list(URGENCY),
        troubled=sum(count for state, count in found.totals.states.items() if state not in QUIET),
        priorities=PRIORITIES,
        here_address=links.to("", **asdict(asked)),
    )
