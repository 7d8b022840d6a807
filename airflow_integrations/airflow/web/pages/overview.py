"""All routes at a glance, what needs a person first. Filters are in the address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.overview import RouteLine
from airflow_integrations.airflow.web.overview import overview as at_a_glance
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import Links, page
from airflow_integrations.airflow.web.state import URGENCY
from airflow_integrations.route import PRIORITIES

__all__ = ["Asked", "router"]

router = APIRouter()

_HOURS = ("1", "24", "168", "720")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters, as they stand in the address. ``state`` may be ``trouble``: whatever is not healthy or paused."""

    name: str = ""
    state: str = ""
    priority: str = ""
    hours: str = "24"

    def fits(self, line: RouteLine) -> bool:
        told = line.outline
        systems = {step.connection or "" for step in told.steps} if told else set()
        if self.name and not any(self.name.lower() in text.lower() for text in (line.route, *systems)):
            return False
        if self.priority and (told is None or told.priority != self.priority):
            return False
        if self.state == "trouble":
            return line.state not in ("healthy", "paused")
        return self.state in ("", line.state)


@router.get("/")
def overview(request: Request, who: Signed, console: Behind, asked: Annotated[Asked, Depends()]) -> Response:
    hours = float(asked.hours) if asked.hours in _HOURS else 24.0
    found = at_a_glance(console, who, hours=hours)
    return page(
        request,
        "overview.html",
        found=found,
        lines=[line for line in found.routes if asked.fits(line)],
        asked=asked,
        hours=hours,
        states=list(URGENCY),
        priorities=PRIORITIES,
        here_address=Links(request).to("", **asdict(asked)),
    )
