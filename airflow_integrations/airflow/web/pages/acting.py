"""What people do to entities: every action answers with a note that says what was done, to how many, and what is next."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import page
from airflow_integrations.ledger import desk
from airflow_integrations.ledger.editing import edit as keep_edit
from airflow_integrations.ledger.selection import Acted, Selection

__all__ = ["router"]

router = APIRouter(prefix="/routes/{route}/act")

Keys = Annotated[list[str], Form(alias="key")]
Text = Annotated[str, Form()]


@router.post("/retry")
def retry(request: Request, who: Signed, console: Behind, route: str, keys: Keys = [], status: Text = "", fingerprint: Text = "") -> Response:
    who.to_act(route)
    acted = desk.retry(console.database, _selection(route, keys, status, fingerprint), who.name, console.now())
    return _said(request, f"{_many(acted)} due again", acted, "They go with the route's next run.")


@router.post("/skip")
def skip(request: Request, who: Signed, console: Behind, route: str, reason: Text, keys: Keys = [], status: Text = "", fingerprint: Text = "") -> Response:
    who.to_act(route)
    acted = desk.skip(console.database, _selection(route, keys, status, fingerprint), reason, who.name, console.now())
    return _said(request, f"{_many(acted)} skipped", acted)


@router.post("/confirm")
def confirm(request: Request, who: Signed, console: Behind, route: str, key: Text, became: Text, reason: Text = "", target_id: Text = "") -> Response:
    who.to_act(route)
    acted = desk.confirm(console.database, _selection(route, [key], "", ""), "failed" if became == "failed" else "delivered", who.name, console.now(), reason=reason or None, target_id=target_id or None)
    return _said(request, f"{key} is {became}", acted)


@router.post("/edit")
def edit(request: Request, who: Signed, console: Behind, route: str, key: Text, payload: Text, retry: Text = "") -> Response:
    who.to_act(route)
    keep_edit(console.database, route, key, payload, who.name, console.now())
    if not retry:
        return _said(request, "The edited payload is kept", Acted(1), "Retry sends it.")
    acted = desk.retry(console.database, _selection(route, [key], "", ""), who.name, console.now())
    return _said(request, "The edited payload is kept, and due again", acted, "It goes with the route's next run.")


def _selection(route: str, keys: list[str], status: str, fingerprint: str) -> Selection:
    return Selection(route, keys=frozenset(keys) or None, statuses=frozenset([status]) if status else None, fingerprint=fingerprint or None)  # type: ignore[list-item]


def _many(acted: Acted) -> str:
    return "1 entity is" if acted.entities == 1 else f"{acted.entities:,} entities are"


def _said(request: Request, title: str, acted: Acted, *lines: str) -> Response:
    """The note, and word to everything live on the page that it is out of date."""
    left = [f"Left as they are: {reason}" for reason in acted.left]
    answer = page(request, "said.html", title=title, tone="warn" if left else "good", lines=[*lines, *left])
    answer.headers["HX-Trigger-After-Settle"] = "acted"
    return answer
