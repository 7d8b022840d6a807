"""How the options of an outgoing become writers of requests and of bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.outgoing.http_messages import Message
from airflow_integrations.outgoing.http_options import HttpOptions
from airflow_integrations.outgoing.request_body import Body, array, itself, no_body, structured, written
from airflow_integrations.outgoing.request_writer import RequestWriter

__all__ = ["JSON", "body_of", "own_body", "writer_of"]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def _spoken_for(message: Message, options: HttpOptions) -> Message:
    """Whose body counts: the request's own, or else the one that the outgoing has for all."""
    return message if message.body is not None or message.body_text is not None else options


def body_of(message: Message, options: HttpOptions, *, together: bool) -> Body:
    """The body of a request, by the route or by default."""
    own = own_body(_spoken_for(message, options))
    if own is not None:
        return own
    if together:
        return array
    return no_body if message.method == "DELETE" else itself


def own_body(message: Message) -> Body | None:
    """The body that a request itself describes, if it does."""
    if message.body_text is not None:
        return written(message.body_text)
    return structured(message.body) if message.body is not None else None


def writer_of(
    message: Message, options: HttpOptions, base: Mapping[str, Any], place: str, *, repeatable: bool, key: bool = True
) -> RequestWriter:
    """The writer of a request. The idempotency key goes with POST and PATCH, unless ``key`` says otherwise."""
    source = _spoken_for(message, options)
    content_type = message.content_type or options.content_type or (TEXT if source.body_text is not None else JSON)
    header = options.idempotency_header if key and message.method in ("POST", "PATCH") else None
    shared = {} if message is options else options.headers
    return RequestWriter(
        message, base, place, headers=shared, content_type=content_type, repeatable=repeatable, key_header=header
    )
