"""The entities of a route that fit a search, a page at a time, and what can be done to many of them at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from airflow_integrations.airflow.web.console import Console
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.entity_search import Description, payload_search
from airflow_integrations.airflow.web.views.entity_search import entities as search
from airflow_integrations.airflow.web.views.overview import must_exist
from airflow_integrations.ledger.queries.search import how_many
from airflow_integrations.ledger.status import STATUSES
from airflow_integrations.window import rfc3339

__all__ = ["Asked", "router"]

router = APIRouter()
PAGE = 100
_WITHIN = {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}


@dataclass(frozen=True, slots=True)
class Asked:
    """The search, as it stands in the address."""

    prefix: Annotated[str, Query(max_length=512)] = ""
    inside: Annotated[str, Query(max_length=512)] = ""
    status: str = ""
    target_id: Annotated[str, Query(max_length=512)] = ""
    text: Annotated[str, Query(max_length=200)] = ""
    payload: Annotated[str, Query(max_length=200)] = ""
    within: str = ""
    fingerprint: Annotated[str, Query(max_length=16)] = ""

    def description(self, now: float) -> Description:
        """All of it but the text in the payload."""
        return Description(
            statuses=tuple(status for status in STATUSES if status == self.status),
            fingerprint=self.fingerprint or None,
            text=self.text or None,
            prefix=self.prefix or None,
            inside=self.inside or None,
            target_id=self.target_id or None,
            since=now - _WITHIN[self.within] if self.within in _WITHIN else None,
        )

    @property
    def whole(self) -> bool:
        """Whether an action can be about all that is found: the ledger selects by status and kind of error."""
        others = (self.prefix, self.inside, self.target_id, self.text, self.payload, self.within)
        return not any(others) and bool(self.status or self.fingerprint)

    @property
    def anything(self) -> bool:
        return any(asdict(self).values())


@router.get("/routes/{route}/entities")
def entities(
    request: Request, who: Signed, console: ConsoleDep, route: str, asked: Annotated[Asked, Depends()], after: str = ""
) -> Response:
    who.to_read(route)
    must_exist(console, route)
    wanted, may_see = asked.description(console.now()), who.may_see_payloads(route)
    if asked.payload and may_see:
        found = payload_search(console, who, route, asked.payload, wanted, limit=PAGE, after=after or None)
    else:
        found = search(console, who, route, wanted, limit=PAGE, after=after or None)
    links, address = Links(request), asdict(asked)
    return page(
        request,
        "entities.html",
        route=route,
        asked=asked,
        found=found,
        statuses=STATUSES,
        may_act=who.may_act(route),
        may_see=may_see,
        total=_total(console, route, wanted) if asked.whole and found.after else "",
        exported=_exported(asked, console.now()),
        here_address=links.to("routes", route, "entities", **address, after=after),
        more=links.to("routes", route, "entities", **address, after=found.after) if found.after else "",
    )


def _total(console: Console, route: str, wanted: Description) -> str:
    """How many the whole search finds, for people."""
    amount = how_many(console.database, route, statuses=wanted.statuses, fingerprint=wanted.fingerprint)
    return f"{amount.entities:,}{'+' if amount.more else ''}"


def _exported(asked: Asked, now: float) -> dict[str, str]:
    """The same search, as the API's export is asked for it. Text in payloads is not among what that can look for."""
    within = _WITHIN.get(asked.within)
    return {
        "status": asked.status,
        "error": asked.fingerprint,
        "text": asked.text,
        "prefix": asked.prefix,
        "inside": asked.inside,
        "target_id": asked.target_id,
        "since": rfc3339(datetime.fromtimestamp(now - within, UTC)) if within else "",
    }
