"""A request whose sender is known, read: what it says, what it is called, and the records for each route."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.formats.record_bound import refuse_crowded_json
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS, NoRecords, event_id_text, record_list
from airflow_integrations.ledger.inbox.unreadable_event import refusal
from airflow_integrations.route.definition import Route
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.route.webhooks.verification import StandardProof
from airflow_integrations.webhooks.body import read_content, unpacked
from airflow_integrations.webhooks.challenge import to_confirm
from airflow_integrations.webhooks.endpoints import Address
from airflow_integrations.webhooks.request import Request

__all__ = ["Event", "Records", "event_of", "names_of", "new_event_id", "written"]


EXCERPT = 256 * 1024
"""Bytes that are kept of an event that has no records."""
_FORM = "application/x-www-form-urlencoded"


class Event(msgspec.Struct, frozen=True):
    event_id: str
    parts: list[tuple[Route, Records]]


def names_of(address: Address, request: Request) -> dict[str, Any]:
    """What expressions see of it. Raises TooLarge, UnknownContent and ContentError, whose texts are for the sender."""
    headers = request.headers
    body = unpacked(request.body, headers.get("content-encoding", ""), address.options.max_size)
    most = max(MAX_RECORDS, *(own.max_records for _, own in address.routes))
    content = read_content(body, headers.get("content-type", ""), address.options, most)
    return {
        "headers": {name: text for name, text in headers.items() if name not in address.proving},
        "query": request.query,
        "body": _from_form(content, address.options.form_json, headers.get("content-type", ""), most),
        "subject": address.options.path,
    }


def event_of(address: Address, request: Request, names: dict[str, Any]) -> Event:
    """Raises ContentError. Where none of the routes finds anything, not even an empty list, the event is kept for the
    first of them to reject."""
    event_id = _event_id(address, request, names)
    reason = to_confirm(address.options, names["body"])
    if reason is None:
        found = [(route, _found(own, {**names, "params": route.params})) for route, own in address.routes]
        if parts := [(route, records) for route, records in found if records is not None]:
            return Event(event_id, parts)
        reason = f"it has no records: {address.options.records} is not there"
    return Event(event_id, [(address.routes[0][0], _refused(reason, names))])


def _from_form(content: Any, field: str | None, content_type: str, most: int) -> Any:
    """Raises ContentError."""
    if field is None or not content_type.lower().startswith(_FORM) or not isinstance(content, dict):
        return content
    text = content.get(field)
    if not isinstance(text, str):
        return content
    document = text.encode("utf-8", "surrogatepass")
    refuse_crowded_json(document, most)
    return read(document)


def _refused(reason: str, names: Mapping[str, Any]) -> Records:
    try:
        kept = encode(names["body"])
    except (TypeError, ValueError, OverflowError, RecursionError):
        kept = b"null"
    if len(kept) > EXCERPT:
        kept = encode({"beginning": kept[:EXCERPT].decode("utf-8", "replace")})
    return Records(1, refusal(reason, msgspec.Raw(kept)), reason)


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


class Records(msgspec.Struct, frozen=True):
    """The records of an event for one route: how many, and as a JSON array."""

    count: int
    body: bytes
    refused: str | None = None
    """Why there are none in it: the run that takes it rejects it."""


def _found(own: WebhookOptions, names: Mapping[str, Any]) -> Records | None:
    """A list's elements, or the one object; None for null. Raises ContentError for anything else, and for what is no
    JSON."""
    try:
        found = own.records.compile()(names)
    except EntityError as error:
        raise ContentError(f"records: {error}") from None
    try:
        return written(record_list(found, str(own.records), most=own.max_records))
    except NoRecords:
        return None


def written(records: list[Any]) -> Records:
    """Raises ContentError for what cannot be written as JSON."""
    try:
        return Records(len(records), encode(records))
    except NOT_JSON as error:
        raise ContentError(why_not_json(error, records, "the records")) from None


def new_event_id() -> str:
    """For an event that its sender gives no name: unique, and in the order of time."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
