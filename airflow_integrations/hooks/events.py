"""A request whose sender is known, read: what it says, what it is called, and the records for each route."""

from __future__ import annotations

from typing import Any

import msgspec

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.hooks.addresses import Address
from airflow_integrations.hooks.content import read_content, unpacked
from airflow_integrations.hooks.reading import Records, event_id_text, new_event_id, records_of
from airflow_integrations.hooks.request import Request
from airflow_integrations.route import Route
from airflow_integrations.webhook_verify import StandardProof

__all__ = ["Event", "event_of", "names_of"]


class Event(msgspec.Struct, frozen=True):
    event_id: str
    parts: list[tuple[Route, Records]]


def names_of(address: Address, request: Request) -> dict[str, Any]:
    """What expressions see of it. Raises TooLarge, UnknownContent and ContentError, whose texts are for the sender."""
    headers = request.headers
    body = unpacked(request.body, headers.get("content-encoding", ""), address.options.max_size)
    return {
        "headers": {name: text for name, text in headers.items() if name not in address.proving},
        "query": request.query,
        "body": read_content(body, headers.get("content-type", ""), address.options),
        "subject": address.options.path,
    }


def event_of(address: Address, request: Request, names: dict[str, Any]) -> Event:
    """Raises ContentError."""
    parts = [(route, records_of(own.records, {**names, "params": route.params})) for route, own in address.routes]
    return Event(_event_id(address, request, names), parts)


def _event_id(address: Address, request: Request, names: dict[str, Any]) -> str:
    expression = address.options.event_id
    if expression is not None:
        try:
            return event_id_text(expression.compile()({**names, "params": address.routes[0][0].params}))
        except EntityError as error:
            raise ContentError(f"event_id: {error}") from None
    if isinstance(address.proof, StandardProof):
        return event_id_text(request.headers[f"{address.proof.prefix}-id"])
    return new_event_id()
