"""From an entity to its message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Template
from airflow_integrations.expressions.templates.rendered_text import rendered_text
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.formatted_body import FormattedBody, Numbers
from airflow_integrations.outgoing.http.request_body import Body, itself, no_body, structured, written
from airflow_integrations.outgoing.queues.options import MessageOptions
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

__all__ = ["Message", "MessageWriter"]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
MOST_IN_HEADER = 8192
"""Characters of one header."""


@dataclass(slots=True)
class Message:
    """One message, ready to be published."""

    id: str
    """The same for the same state of an entity, whenever it is sent."""
    body: bytes | None
    """None for a deletion without a body."""
    content_type: str
    headers: dict[str, str]
    """Those of the route, without the id and the content type."""
    to: str
    """Where it goes: routing key, subject, topic, stream. Empty where the kind has it from its options."""
    ordered_by: str
    """Messages with the same text keep their order, where the system knows such a thing."""
    properties: dict[str, str]
    deleted: bool


class MessageWriter:
    """Writes the messages of one run. ``check`` looks at one before it goes, and raises EntityError. ``numbers``: those
    of the interchanges, where the messages are such; the writer then asks the ledger."""

    def __init__(
        self,
        options: MessageOptions,
        base: Mapping[str, Any],
        entity: str,
        check: Callable[[Message], None],
        numbers: Numbers | None = None,
    ) -> None:
        self._options = options
        self._check = check
        self._names = RequestNames(base, entity, names_read(options) - {"key"}, together=False)
        deletion = options.deletion
        self._body = _body(options, itself)
        self._gone = structured(deletion.body) if deletion and deletion.body is not None else no_body
        self._content_type = options.content_type or _type_of(options)
        self._numbers = numbers

    def write(self, outbound: Outbound) -> Message:
        """Raises EntityError where none can be written, SetupError for a missing Variable."""
        options, gone = self._options, outbound.deleted
        names: Mapping[str, Any] = self._names.of((outbound,))
        if gone:
            names = {**names, "key": outbound.key, "target_id": outbound.target_id}
        body = (self._gone if gone else self._body)((outbound,), names)
        if not gone:
            body = body or b""
        if body is not None and len(body) > options.max_size:
            raise EntityError(f"its message has {len(body):,} bytes; max_size is {options.max_size:,}")
        message = Message(
            id=outbound.idempotency_key,
            body=body,
            content_type=JSON if gone else self._content_type,
            headers={"deleted": "true"} if gone else {},
            to=_rendered(options.to, names, "the address"),
            ordered_by=outbound.key if options.ordered_by is None else _rendered(options.ordered_by, names, "the key"),
            properties={name: _rendered(text, names, name) for name, text in options.properties_told.items()},
            deleted=gone,
        )
        for name, template in options.headers.items():
            text = _rendered(template, names, f"headers.{name}")
            if len(text) > MOST_IN_HEADER:
                raise EntityError(f"the text has {len(text):,} characters; at most {MOST_IN_HEADER:,} are allowed")
            if text:
                message.headers[name] = text
        self._check(message)
        if self._numbers is not None and isinstance(self._body, FormattedBody) and not gone:
            message.body = self._body.numbered((outbound,), names, self._numbers.of(message.id))
        return message


def _body(options: MessageOptions, otherwise: Body) -> Body:
    if options.body_format is not None:
        return FormattedBody(options.body_format, options.body)
    if options.body is not None:
        return structured(options.body)
    return written(options.body_text) if options.body_text is not None else otherwise


def _type_of(options: MessageOptions) -> str:
    if options.body_format is not None:
        return options.body_format.content_type
    return JSON if options.body_text is None else TEXT


def _rendered(template: Template | None, names: Mapping[str, Any], place: str) -> str:
    return "" if template is None else rendered_text(template, names, place)
