"""The entities of a route that fit a search, a page at a time, and what can be done to many of them at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import Links, page
from airflow_integrations.ledger.queries import find
from airflow_integrations.ledger.status import STATUSES, Status

__all__ = ["Asked", "router"]

router = APIRouter()
PAGE = 100
_WITHIN = {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}


@dataclass(frozen=True, slots=True)
class Asked:
    """The search, as it stands in the address."""

    prefix: str = ""
    status: str = ""
    target_id: str = ""
    text: str = ""
    payload: str = ""
    within: str = ""
    fingerprint: str = ""

    @property
    def anything(self) -> bool:
        return any(asdict(self).values())


@router.get("/routes/{route}/entities")
def entities(
    request: Request, who: Signed, console: Behind, route: str, asked: Annotated[Asked, Depends()], after: str = ""
) -> Response:
    who.to_read(route)
    now = console.now()
    found = find(
        console.database,
        route=route,
        statuses=(asked.status,) if asked.status in STATUSES else (),  # type: ignore[arg-type]
        fingerprint=asked.fingerprint or None,
        text=asked.text or None,
        prefix=asked.prefix or None,
        target_id=asked.target_id or None,
        since=now - _WITHIN[asked.within] if asked.within in _WITHIN else None,
        limit=PAGE,
        after=after or None,
    )
    links = Links(request)
    search = asdict(asked)
    return page(
        request,
        "entities.html",
        route=route,
        asked=asked,
        lines=found.entities,
        statuses=STATUSES,
        may_act=who.may_act(route),
        may_see=who.may_see_payloads(route),
        whole="",
        stopped="",
        exports=[],
        here_address=links.to("routes", route, "entities", **search, after=after),
        more=links.to("routes", route, "entities", **search, after=found.after) if found.after else "",
    )
