"""The bodies of requests. What a route does not reshape is sent as it was staged, without being decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Structure, Template
from airflow_integrations.expressions.evaluation.guards import text_of
from airflow_integrations.expressions.templates.rendered_text import rendered_text
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.outgoing import Outbound

__all__ = ["Body", "array", "form_fields", "itself", "no_body", "structured", "written"]

Body = Callable[[Sequence[Outbound], Mapping[str, Any]], bytes | None]
"""The body of a request that carries these entities and sees these names. Raises EntityError."""


def itself(part: Sequence[Outbound], names: Mapping[str, Any]) -> bytes:
    """The one entity's JSON."""
    return part[0].encoded


def array(part: Sequence[Outbound], names: Mapping[str, Any]) -> bytes:
    """A JSON array of the entities."""
    return b"[%b]" % b",".join([outbound.encoded for outbound in part])


def no_body(part: Sequence[Outbound], names: Mapping[str, Any]) -> None:
    """For DELETE, whose body means nothing (RFC 9110, section 9.3.5)."""
    return


def structured(structure: Structure) -> Body:
    """The JSON that a structure makes."""
    build = structure.compile()

    def body(part: Sequence[Outbound], names: Mapping[str, Any]) -> bytes:
        try:
            return _json(build(names))
        except EntityError as error:
            raise EntityError(error.reason, field=f"body.{error.field}" if error.field else "body") from None

    return body


def written(template: Template) -> Body:
    """The text that a template makes, in UTF-8; an empty one is not a body."""

    def body(part: Sequence[Outbound], names: Mapping[str, Any]) -> bytes | None:
        return rendered_text(template, names, "body_text").encode() or None

    return body


def form_fields(fields: Mapping[str, Expression]) -> Body:
    """A form, percent-encoded. Null leaves a field out, a list repeats it."""
    build = [(name, expression.compile()) for name, expression in fields.items()]

    def body(part: Sequence[Outbound], names: Mapping[str, Any]) -> bytes:
        pairs = []
        for name, value in build:
            try:
                given = value(names)
                texts = [
                    text_of(one) for one in (given if isinstance(given, list | tuple) else [given]) if one is not None
                ]
                pairs += [f"{quote(name, safe='')}={quote(text, safe='')}" for text in texts]
            except EntityError as error:
                raise EntityError(error.reason, field=f"form.{name}") from None
            except UnicodeEncodeError:
                raise EntityError(
                    "the text is not valid Unicode: half a surrogate pair", field=f"form.{name}"
                ) from None
        return "&".join(pairs).encode()

    return body


def _json(value: Any) -> bytes:
    try:
        encoded = encode(value)
    except NOT_JSON as error:
        raise EntityError(why_not_json(error, value)) from None
    if b"NaN" in encoded or b"Infinity" in encoded:  # perhaps just inside a text
        _finite(value)
    return encoded


def _finite(value: Any) -> None:
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Decimal):
            if not inner.is_finite():
                raise EntityError(f"{inner} is not JSON number")
        elif isinstance(inner, dict):
            waiting.extend(inner.values())
        elif isinstance(inner, list | tuple):
            waiting.extend(inner)
