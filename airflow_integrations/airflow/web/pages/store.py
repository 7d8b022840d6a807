"""What a route keeps in stores: searched, shown with its history, and changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from airflow_integrations.airflow.web.actions import store as actions
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.notices import note
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.ledger.store import find_values, masked_line

__all__ = ["router"]

router = APIRouter(prefix="/routes/{route}/store")

LINES = 50
Word = Annotated[str, Form()]


@router.get("")
def values(
    request: Request, who: Signed, console: ConsoleDep, route: str, search: str = "", store: str = "", after: str = ""
) -> Response:
    """``store`` and ``after``: the last value of the page before."""
    who.to_read(route)
    who.to_see_payloads(route)
    behind = (store, after) if store and after else None
    found = find_values(
        console.database, now=console.now(), route=route, search=search.strip() or None, limit=LINES, after=behind
    )
    mask = mask_of(console, route)
    return page(
        request,
        "store.html",
        route=route,
        search=search,
        lines=[masked_line(line, mask) for line in found.values],
        after=found.after,
        may_act=who.may_act(route),
        here_address=Links(request).to("routes", route, "store", search=search, store=store, after=after),
    )


@router.post("/put")
def put(
    request: Request, who: Signed, console: ConsoleDep, route: str, store: Word, key: Word, value: Word
) -> Response:
    actions.put(console, who, route, store, key, value)
    return note(request, "The value is saved", "It holds until a run makes something else of it.", changed=True)


@router.post("/remove")
def remove(request: Request, who: Signed, console: ConsoleDep, route: str, store: Word, key: Word) -> Response:
    actions.remove(console, who, route, store, key)
    return note(request, "The value is removed", changed=True)
