"""From a request whose sender is known to events for the inbox."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode
from airflow_integrations.ledger.event_rows import MAX_EVENT_ID

__all__ = ["Records", "event_id_text", "new_event_id", "records_of", "written"]


class Records(msgspec.Struct, frozen=True):
    """The records of an event for one route: how many, and as a JSON array."""

    count: int
    body: bytes


def records_of(expression: Expression, names: Mapping[str, Any]) -> Records:
    """A list's elements, or the one object. Raises ContentError for anything else, and for what is no JSON."""
    try:
        found = expression.compile()(names)
    except EntityError as error:
        raise ContentError(f"records: {error}") from None
    if found is None:
        return Records(0, b"[]")
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise ContentError(f"records: {expression} is {_kind(found)}; it has to be a list or an object")
    return written(found)


def written(records: list[Any]) -> Records:
    """Raises ContentError for what cannot be written as JSON."""
    try:
        return Records(len(records), encode(records))
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise ContentError("the records hold a text that is no Unicode, such as half an emoji") from None


def event_id_text(value: Any) -> str:
    """Raises ContentError for what cannot name an event."""
    try:
        text = key_text(value)
    except EntityError as error:
        raise ContentError(f"event_id: {str(error).replace('key', 'event id')}") from None
    if len(text) > MAX_EVENT_ID:
        raise ContentError(f"event_id has {len(text)} characters; at most {MAX_EVENT_ID} are allowed")
    return text


def new_event_id() -> str:
    """For an event that its sender gives no name: unique, and in the order of time."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def _kind(value: Any) -> str:
    return {bool: "true or false", str: "a text"}.get(type(value), "a number")
