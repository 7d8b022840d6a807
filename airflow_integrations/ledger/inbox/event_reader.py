"""Reads an event's id and its records, for webhooks, queues and the API alike."""

from __future__ import annotations

from typing import Any

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.ledger.inbox.event_rows import MAX_EVENT_ID

__all__ = ["MAX_RECORDS", "NoRecords", "event_id_text", "record_list"]


class NoRecords(ContentError):
    """Where the records belong there is nothing: the event is not what the route expects."""


def event_id_text(value: Any) -> str:
    """The id as text, by the rules of an entity's key: a text or number as it is written, several joined by ``|``.

    Raises ContentError for what cannot name an event: nothing, an empty text, true or false, an object, control
    characters, or more than MAX_EVENT_ID characters.
    """
    if value is None or value in ("", [], ()):
        raise ContentError("event_id is neither text nor a number: there is no event id in it")
    if isinstance(value, bool | dict):
        raise ContentError(f"event_id is neither text nor a number: it is {_kind(value)}")
    try:
        text = key_text(value)
    except EntityError as error:
        raise ContentError(f"event_id: {str(error).replace('key', 'event id')}") from None
    if len(text) > MAX_EVENT_ID:
        raise ContentError(f"event_id has {len(text)} characters; at most {MAX_EVENT_ID} are allowed")
    return text


MAX_RECORDS = 100_000
"""Records of one event, where its source has no bound of its own."""


def record_list(value: Any, expression: str, *, most: int = MAX_RECORDS) -> list[Any]:
    """The elements of a list, or the one object. Raises NoRecords for null, ContentError for anything else, and for
    more than ``most`` elements.

    ``expression`` is the one that gave the value.
    """
    if value is None:
        raise NoRecords(f"it has no records: {expression} is not there")
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise ContentError(f"its records are neither a list nor an object: {expression} is {_kind(value)}")
    if len(value) > most:
        raise ContentError(f"the event has {len(value):,} records; at most {most:,} are taken in one (max_records)")
    return value


def _kind(value: Any) -> str:
    return {bool: "true or false", str: "a text", dict: "an object"}.get(type(value), "a number")
