"""A message becomes an event of the inbox, or is of no use."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS, event_id_text, record_list
from airflow_integrations.ledger.inbox.event_rows import MAX_EVENT_ID, NewEvent
from airflow_integrations.ledger.inbox.unreadable_event import refusal
from airflow_integrations.listen import Message
from airflow_integrations.listen.options import ListenOptions

__all__ = ["Read", "Reader", "event_name"]

MOST = 16 * 1024 * 1024
"""Bytes of a packed message once it is unpacked."""
EXCERPT = 256 * 1024
"""Bytes that are kept of a message that is of no use."""


class Read(NamedTuple):
    """``event`` is None where the message holds no record, or goes to the broker's dead letters."""

    event: NewEvent | None
    reason: str | None = None
    """Why the message is of no use."""


class Reader:
    """Reads the messages of one route, whatever is in them. ``params`` are the route's defaults."""

    def __init__(self, options: ListenOptions, *, route: str, source: str, params: Mapping[str, Any]) -> None:
        self._options = options
        self._route = route
        self._source = source
        self._names = {"params": dict(params), "query": {}}
        self._records = options.records.compile()
        event_id = getattr(options, "event_id", None)
        self._event_id = event_id.compile() if event_id is not None else None
        self._most = getattr(options, "max_size", None)
        self.dead_letters: bool = getattr(options, "dead_letters", False)
        """Whether what is of no use goes to the broker's dead letters instead of into the inbox."""

    def read(self, messages: Sequence[Message]) -> list[Read]:
        """In their order."""
        return [self._read(message) for message in messages]

    def _read(self, message: Message) -> Read:
        try:
            if message.fault is not None:
                raise ContentError(message.fault)
            if message.records is not None:
                return Read(self._event(message.id, message.records))
            return self._opened(message)
        except ContentError as error:
            return self._of_no_use(message, str(error))
        except EntityError as error:
            return self._of_no_use(message, error.reason)

    def _opened(self, message: Message) -> Read:
        if self._most is not None and len(message.body) > self._most:
            raise ContentError(f"it has {len(message.body):,} bytes; max_size is {self._most:,}")
        names = {
            **self._names,
            "headers": message.headers,
            "subject": message.subject,
            "body": self.decode(message.body, message.content_type),
        }
        records = record_list(self._records(names), str(self._options.records))
        name = message.id if self._event_id is None else event_id_text(self._event_id(names))
        if not records:
            return Read(None)
        try:
            body = encode(records)
        except NOT_JSON as error:
            raise ContentError(why_not_json(error, records, "a record")) from None
        return Read(self._event(name, body))

    def decode(self, body: bytes, content_type: str | None) -> Any:
        """The body for expressions. Raises ContentError."""
        return self._options.read(body, content_type, most=MOST, most_records=MAX_RECORDS)

    def _event(self, name: str | None, body: bytes) -> NewEvent:
        return NewEvent(route=self._route, event_id=event_name(name), body=body, source=self._source)

    def _of_no_use(self, message: Message, reason: str) -> Read:
        if self.dead_letters:
            return Read(None, reason)
        kept = {"id": message.id, "subject": message.subject, **_as_text(message.body)}
        name = f"unusable/{message.id}" if message.id is not None else None
        return Read(self._event(name, refusal(reason, kept)), reason)


def event_name(name: str | None) -> str:
    """The id as the inbox takes it: of bounded length and of characters that every database stores. A new one for
    None."""
    if name is None:
        return str(uuid.uuid4())
    if len(name) <= MAX_EVENT_ID and name.isprintable():
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    shown = "".join(character for character in name[:150] if character.isprintable())
    return f"{shown}~{digest}"


def _as_text(body: bytes) -> dict[str, str]:
    part = body[:EXCERPT]
    try:
        return {"body": part.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(part).decode()}
