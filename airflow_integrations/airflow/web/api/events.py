"""Entities that a program hands in: exact, of any number, and with an answer about their fate where it waits."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request, Response

from airflow_integrations.airflow.web.actions.audit import audit
from airflow_integrations.airflow.web.api.dependencies import Route
from airflow_integrations.airflow.web.security.access import Signed, Who
from airflow_integrations.airflow.web.webhooks.app import Hooks
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.formats.record_bound import refuse_crowded_json
from airflow_integrations.ledger.inbox.event_outcomes import event_fate
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS, event_id_text, record_list
from airflow_integrations.webhooks.body_threads import PARSING
from airflow_integrations.webhooks.events import Records, new_event_id, written
from airflow_integrations.webhooks.outcome_response import tell
from airflow_integrations.webhooks.request import LONGEST, Gone, hung_up
from airflow_integrations.webhooks.responses import Answer

__all__ = ["router"]

router = APIRouter(tags=["events"])
LIST = {"type": "array", "items": {"type": "object"}}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [LIST, {"type": "object", "properties": {"entities": LIST}}]}}
        },
    }
}
TOLD: dict[int | str, dict[str, Any]] = {
    200: {"description": "All entities have their fate, or (without wait) the event was known"},
    202: {"description": "Taken; Location says where to look later"},
    422: {"description": "Some entities were refused: the reasons"},
    429: {"description": "Too much at once: again after Retry-After"},
    503: {"description": "The ledger is away: again after Retry-After"},
}


def _hooks(request: Request) -> Hooks:
    found: Hooks = request.app.state.hooks
    return found


async def _body(request: Request) -> bytes:
    """As it is: read as JSON by anybody else, its numbers would lose digits. BodyLimit bounds it."""
    return await request.body()


@router.post("/routes/{route}/entities", summary="Hand in entities", responses=TOLD, openapi_extra=BODY)
async def hand_in(
    request: Request,
    hooks: Annotated[Hooks, Depends(_hooks)],
    who: Signed,
    route: Route,
    body: Annotated[bytes, Depends(_body)],
    wait: Annotated[float, Query(ge=0, le=LONGEST, description="Seconds to wait for the entities' fate")] = 0.0,
    idempotency_key: Annotated[
        str | None, Header(description="The event's id: the same again counts for nothing")
    ] = None,
) -> Response:
    """A list of entities, or an object with ``entities``, as the source would give them. A run takes them within
    seconds, and each of them once: ``Idempotency-Key`` names the request."""
    await asyncio.to_thread(who.to_trigger, route)
    found = (await asyncio.to_thread(hooks.book.current)).routes.get(route)
    if found is None:
        raise HTTPException(404, f"the routes folder of this API server has no route {route}")
    try:
        records = await PARSING.run(_records, body)
        event_id = new_event_id() if idempotency_key is None else event_id_text(idempotency_key)
    except ContentError as error:
        raise HTTPException(400, str(error)) from None
    try:
        answer = await hooks.intake.take(
            event_id,
            [(found, records)],
            source="api",
            wait=wait,
            later=_root(request),
            gone=partial(hung_up, request.receive),
        )
    except Gone:
        return Response(status_code=499)  # nobody reads it
    if answer.status < 500 and answer.status != 429:
        await asyncio.to_thread(audit, who.name, "hand_in", route, event=event_id, entities=records.count)
    return _response(answer)


@router.get("/routes/{route}/events/{event_id:path}", summary="What became of an event", responses=TOLD)
async def fate(
    request: Request,
    hooks: Annotated[Hooks, Depends(_hooks)],
    who: Signed,
    route: Route,
    event_id: Annotated[str, Path(description="The event's id, percent-encoded", max_length=250)],
) -> Response:
    """As the one that waited would have been told. Single entities are known of events whose sender waited; of others
    the books of the run that took them tell."""
    return _response(await asyncio.to_thread(_fate, hooks, who, route, event_id, request.url.path))


def _fate(hooks: Hooks, who: Who, route: str, event_id: str, here: str) -> Answer:
    who.to_read(route)
    found = event_fate(hooks.ledger(), route, event_id)
    if found is None:
        raise HTTPException(404, f"{route} has had no event {event_id!r}, or its id is no longer remembered")
    told = tell(event_id, [(found, None)])
    return Answer(told.status, told.content, ((b"location", here.encode()),) if told.status == 202 else ())


def _records(body: bytes) -> Records:
    """Raises ContentError."""
    refuse_crowded_json(body, MAX_RECORDS)
    content = read(body)
    records = content.get("entities") if isinstance(content, dict) else content
    if not isinstance(records, list):
        raise ContentError("the body is a JSON list of entities, or an object with such a list under entities")
    return written(record_list(records, "the body"))


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _response(answer: Answer) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(encode(answer.content), answer.status, headers, media_type="application/json")
