"""One entity: where it is, what happened to it, what is in it, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request, Response

from airflow_integrations.airflow.web.access import Signed
from airflow_integrations.airflow.web.pages.asked import Behind
from airflow_integrations.airflow.web.pages.render import page
from airflow_integrations.airflow.web.pages.sides import Side, sides
from airflow_integrations.ledger.desk import CONFIRMABLE, RETRIABLE, SKIPPABLE
from airflow_integrations.ledger.editing import EDITABLE
from airflow_integrations.ledger.queries import where

if TYPE_CHECKING:
    from airflow_integrations.ledger.answers import EntityRecord

__all__ = ["Can", "Shown", "router", "shown"]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Can:
    """Which actions the entity's status allows."""

    retry: bool
    edit: bool
    skip: bool
    confirm: bool

    @classmethod
    def of(cls, record: EntityRecord) -> Can:
        status, free = record.status, record.lease is None
        return cls(
            retry=free and status in RETRIABLE and (record.payload is not None or record.overlay is not None),
            edit=free and status in EDITABLE and record.payload is not None,
            skip=free and status in SKIPPABLE,
            confirm=free and status in CONFIRMABLE,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """The payloads as the page draws them: two side by side, or the only one there is, or nothing."""

    hidden: bool = False
    masked: bool = False
    rows: list[Side] | None = None
    left: str = ""
    right: str = ""
    only: str | None = None
    editable: str | None = None
    """What an edit begins with; None: nothing can be edited."""
    edits: str = ""


@router.get("/routes/{route}/entities/{key:path}")
def entity(request: Request, who: Signed, console: Behind, route: str, key: str) -> Response:
    who.to_read(route)
    record = where(console.database, route, key, console.now())
    if record is None:
        raise HTTPException(404, f"The ledger does not know {key} of the route {route}: no run of it has fetched it.")
    return page(
        request,
        "entity.html",
        record=record,
        can=Can.of(record),
        may_act=who.may_act(route),
        payload=shown(record, hidden=not who.may_see_payloads(route)),
    )


def shown(record: EntityRecord, *, hidden: bool) -> Shown:
    from airflow_integrations.airflow.settings import staging_base
    from airflow_integrations.cli.entity_payload import pretty
    from airflow_integrations.engine.payloads import incoming_of, payload_of
    from airflow_integrations.staging import Staging

    if hidden:
        return Shown(hidden=True)
    if record.payload is None:
        return Shown()
    staging = Staging(staging_base(), record.route, "")
    found = payload_of(staging, record.key, record.payload)
    staged = pretty(found.decode()) if found else None
    overlay = pretty(record.overlay.payload) if record.overlay else None
    edits = "This is what goes to the target." if record.payload.stage == "push" else "This is the record as the source gave it; the route's transformers have yet to work on it."
    if overlay is not None:
        return Shown(rows=sides(staged or "", overlay), left="As it was staged", right="As it was edited, and goes out", editable=overlay, edits=edits)
    if record.payload.stage == "push":
        given = incoming_of(staging, record.key, record.payload)
        if given is not None and staged is not None:
            return Shown(rows=sides(pretty(given.decode()), staged), left="What the source gave", right="What goes to the target", editable=staged, edits=edits)
        return Shown(only=staged, left="What goes to the target", editable=staged, edits=edits)
    return Shown(only=staged, left="What the source gave", editable=staged, edits=edits)
