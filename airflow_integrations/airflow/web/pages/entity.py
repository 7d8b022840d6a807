"""One entity: where it is, what happened to it, what is in it, and what can be done."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.payloads import shown
from airflow_integrations.airflow.web.pages.rendering.render import page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.entity import entity_view
from airflow_integrations.airflow.web.views.waiting_events import waiting_event
from airflow_integrations.display.exchange import answered, asked, own_part, whose

__all__ = ["router"]

router = APIRouter()


@router.get("/routes/{route}/entity")
@router.get("/routes/{route}/entities/{key:path}")
def entity(request: Request, who: Signed, console: ConsoleDep, route: str, key: str) -> Response:
    view = entity_view(console, who, route, key)
    if view is None:
        received = waiting_event(console, who, route, key)
        if received is not None:
            return page(request, "waiting.html", route=route, key=key, received=received)
        raise HTTPException(404, f"The ledger does not know {key} of the route {route}: no run of it has fetched it.")
    return page(
        request,
        "entity.html",
        record=view.record,
        runs=view.runs,
        can=view.can,
        filtered=view.filtered,
        exchange=view.exchange,
        asked=asked(view.exchange) if view.exchange else None,
        answered=answered(view.exchange) if view.exchange else None,
        whose=whose(view.exchange) if view.exchange else None,
        part=own_part(view.exchange) if view.exchange else None,
        may_act=who.may_act(route),
        payload=shown(view.payloads, stopped_at=view.record.payload.stage if view.record.payload else None),
    )
