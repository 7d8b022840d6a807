"""Fields of a route's source: what differs from what was learned, to be accepted, and what was learned."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from airflow_integrations.airflow.web.actions import contract as actions
from airflow_integrations.airflow.web.dependencies import ConsoleDep
from airflow_integrations.airflow.web.pages.notices import note
from airflow_integrations.airflow.web.pages.rendering.render import Links, page
from airflow_integrations.airflow.web.security.access import Signed
from airflow_integrations.airflow.web.views.overview import must_exist
from airflow_integrations.ledger.contract import learned_of
from airflow_integrations.plurals import counted
from airflow_integrations.route.contracts.learned import Learned, drifts, lines
from airflow_integrations.route.contracts.paths import type_words

__all__ = ["router"]

router = APIRouter(prefix="/routes/{route}/fields")

Paths = Annotated[list[str], Form(alias="field", default_factory=list)]


@router.get("")
def fields(request: Request, who: Signed, console: ConsoleDep, route: str) -> Response:
    who.to_read(route)
    must_exist(console, route)
    learned = learned_of(console.database, route) or Learned()
    return page(
        request,
        "fields.html",
        route=route,
        learned=learned,
        drifts=drifts(learned),
        fields=[(path, type_words(field.types), field.always) for path, field in lines(learned) if not field.new],
        may_act=who.may_act(route),
        here_address=Links(request).to("routes", route, "fields"),
    )


@router.post("/accept")
def accept(request: Request, who: Signed, console: ConsoleDep, route: str, paths: Paths) -> Response:
    accepted = actions.accept(console, who, route, paths)
    title = f"{counted(len(accepted), 'field')} accepted"
    return note(request, title, "A run that failed for this goes on when its task transform is cleared.", changed=True)


@router.post("/forget")
def forget(request: Request, who: Signed, console: ConsoleDep, route: str) -> Response:
    actions.forget(console, who, route)
    return note(request, "What was learned is forgotten", "The next runs are learned from.", changed=True)
