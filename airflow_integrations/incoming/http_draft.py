"""The request that a route describes, rendered once for a run; paging adds to a copy of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from airflow_integrations.errors import EntityError, RunError
from airflow_integrations.expressions import Structure, Template
from airflow_integrations.formats.json import encode
from airflow_integrations.http import Request

__all__ = ["Draft"]

_FORM = "application/x-www-form-urlencoded"


class _Described(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> Template: ...
    @property
    def query(self) -> Mapping[str, Template]: ...
    @property
    def headers(self) -> Mapping[str, Template]: ...
    @property
    def body(self) -> Structure | None: ...
    @property
    def form(self) -> Mapping[str, Template] | None: ...
    @property
    def body_text(self) -> Template | None: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A request in parts. ``body`` is the JSON value, where ``has_body`` says that there is one."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    has_body: bool = False
    form: Mapping[str, str] | None = None
    text: str | None = None

    @classmethod
    def render(
        cls, described: _Described, names: Mapping[str, Any], error: Callable[[str], Exception] = RunError
    ) -> Draft:
        """Raises what ``error`` makes of a text, naming the field, where a text or value cannot be made."""

        def text(template: Template, place: str) -> str:
            try:
                return template.render(names)
            except EntityError as problem:
                raise error(f"{place}: {problem.reason}") from None

        def texts(templates: Mapping[str, Template], place: str) -> dict[str, str]:
            return {name: text(template, f"{place}.{name}") for name, template in templates.items()}

        body = None
        if described.body is not None:
            try:
                body = described.body.compile()(names)
            except EntityError as problem:
                place = f"body.{problem.field}" if problem.field else "body"
                raise error(f"{place}: {problem.reason}") from None
            try:
                encode(body)
            except (TypeError, ValueError, OverflowError, RecursionError) as problem:
                raise error(f"body: this cannot be written as JSON: {problem}") from None
        return cls(
            described.method,
            text(described.path, "path"),
            texts(described.query, "query"),
            texts(described.headers, "headers"),
            body,
            described.body is not None,
            texts(described.form, "form") if described.form is not None else None,
            text(described.body_text, "body_text") if described.body_text is not None else None,
        )

    def at_url(self, url: str) -> Draft:
        """The same request to another URL, whose own query stands in place of ours."""
        return replace(self, path=url, query={})

    def with_query(self, values: Mapping[str, str]) -> Draft:
        return replace(self, query={**self.query, **values})

    def with_body(self, values: Mapping[str, Any]) -> Draft:
        """With values in the form, or at dotted places of the JSON body."""
        if self.form is not None:
            return replace(self, form={**self.form, **{name: str(value) for name, value in values.items()}})
        body = copy.deepcopy(self.body) if isinstance(self.body, dict) else {}
        for place, value in values.items():
            *outer, last = place.split(".")
            inner = body
            for name in outer:
                if not isinstance(inner.get(name), dict):
                    inner[name] = {}
                inner = inner[name]
            inner[last] = value
        return replace(self, body=body, has_body=True)

    def request(self) -> Request:
        """As the client takes it. A fetch reads, so that whatever its method it may be sent again."""
        content, content_type = self._content()
        named = next((name for name in self.headers if name.lower() == "content-type"), None)
        if named is not None:
            content_type = None
        return Request(
            self.method, self.path, tuple(self.query.items()), self.headers, content, content_type, repeatable=True
        )

    def _content(self) -> tuple[bytes | None, str | None]:
        if self.form is not None:
            return urlencode(self.form, quote_via=quote).encode("ascii"), _FORM
        if self.text is not None:
            return self.text.encode(), "text/plain; charset=utf-8"
        if self.has_body:
            return encode(self.body), "application/json"
        return None, None
