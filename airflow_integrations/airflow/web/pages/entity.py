"""One entity: where it is, what happened to it, what is in it, and what can be done."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.entity_view import entity_view
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.payloads import shown
from airflow_integrations.airflow.web.pages.render import page
from airflow_integrations.cli.exchange_text import answered, asked

__all__ = ["router"]

router = APIRouter()


@router.get("/routes/{route}/entity")
@router.get("/routes/{route}/entities/{key:path}")
def entity(request: Request, who: Signed, console: Behind, route: str, key: str) -> Response:
    view = entity_view(console, who, route, key)
    if view is None:
        raise HTTPException(404, f"The ledger does not know {key} of the route {route}: no run of it has fetched it.")
    return page(
        request,
        "entity.html",
        record=view.record,
        runs=view.runs,
        can=view.can,
        exchange=view.exchange,
        asked=asked(view.exchange) if view.exchange else None,
        answered=answered(view.exchange) if view.exchange else None,
        may_act=who.may_act(route),
        payload=shown(view.payloads, stopped_at=view.record.payload.stage if view.record.payload else None),
    )
