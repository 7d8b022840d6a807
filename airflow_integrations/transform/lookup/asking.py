"""The requests of HTTP lookups, rendered: equal ones are equal values, so that each is sent once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Template, texts_of
from airflow_integrations.expressions.templates.rendered_text import rendered_text
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.http import Request
from airflow_integrations.transform.lookup.http_options import CreateMissing, HttpLookup

__all__ = ["Asked", "rendered"]


class Asked(NamedTuple):
    """One rendered request."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    content_type: str | None = None

    def request(self, *, repeatable: bool = True, headers: Mapping[str, str] | None = None) -> Request:
        """As the client takes it. A lookup only asks, so that whatever its method it may be sent again."""
        named = {"Accept": "application/json", **dict(self.headers), **(headers or {})}
        own = any(name.lower() == "content-type" for name in named)
        return Request(
            self.method,
            self.path,
            self.query,
            named,
            self.content,
            None if own else self.content_type,
            repeatable=repeatable,
        )

    def digest(self, *more: str) -> str:
        """64 hexadecimal digits that are equal for equal requests."""
        return hashlib.sha256(encode([*more, *self])).hexdigest()


def rendered(options: HttpLookup | CreateMissing, names: Mapping[str, Any]) -> Asked:
    """The request for these names. Raises EntityError where a text or value cannot be made."""
    content, content_type = _content(options, names)
    return Asked(
        options.verb if isinstance(options, HttpLookup) else options.method,
        rendered_text(options.path, names, "path"),
        tuple((name, rendered_text(template, names, f"query.{name}")) for name, template in texts_of(options.query)),
        _texts(options.headers, names, "headers"),
        content,
        content_type,
    )


def _content(options: HttpLookup | CreateMissing, names: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
    if options.form is not None:
        fields = _texts(options.form, names, "form")
        return urlencode(fields, quote_via=quote).encode("ascii"), "application/x-www-form-urlencoded"
    if options.body_text is not None:
        return rendered_text(options.body_text, names, "body_text").encode(), "text/plain; charset=utf-8"
    if options.body is not None:
        try:
            body = options.body.compile()(names)
        except EntityError as error:
            raise EntityError(error.reason, field=f"body.{error.field}" if error.field else "body") from None
        try:
            return encode(body), "application/json"
        except NOT_JSON as error:
            raise EntityError(why_not_json(error, body), field="body") from None
    return None, None


def _texts(templates: Mapping[str, Template], names: Mapping[str, Any], field: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, rendered_text(template, names, f"{field}.{name}")) for name, template in templates.items())
