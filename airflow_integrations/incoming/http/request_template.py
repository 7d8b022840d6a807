"""The request that a route describes, rendered once for a run; paging adds to a copy of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from airflow_integrations.errors import EntityError, RunError
from airflow_integrations.expressions import Structure, Template, Texts, texts_of
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.http import Request

__all__ = ["RequestTemplate"]

_FORM = "application/x-www-form-urlencoded"


class _Described(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> Template: ...
    @property
    def query(self) -> Mapping[str, Texts]: ...
    @property
    def headers(self) -> Mapping[str, Template]: ...
    @property
    def body(self) -> Structure | None: ...
    @property
    def form(self) -> Mapping[str, Template] | None: ...
    @property
    def body_text(self) -> Template | None: ...


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """A request in parts. ``body`` is the JSON value, where ``has_body`` says that there is one."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    has_body: bool = False
    form: Mapping[str, str] | None = None
    text: str | None = None

    @classmethod
    def render(
        cls, described: _Described, names: Mapping[str, Any], error: Callable[[str], Exception] = RunError
    ) -> RequestTemplate:
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
            except NOT_JSON as problem:
                raise error(f"body: {why_not_json(problem, body)}") from None
        return cls(
            described.method,
            text(described.path, "path"),
            tuple((name, text(template, f"query.{name}")) for name, template in texts_of(described.query)),
            texts(described.headers, "headers"),
            body,
            described.body is not None,
            texts(described.form, "form") if described.form is not None else None,
            text(described.body_text, "body_text") if described.body_text is not None else None,
        )

    def at_url(self, url: str) -> RequestTemplate:
        """The same request to another URL, whose own query stands in place of ours."""
        return replace(self, path=url, query=())

    def with_query(self, values: Mapping[str, str]) -> RequestTemplate:
        """With these parameters, in place of any of the same name."""
        others = tuple(pair for pair in self.query if pair[0] not in values)
        return replace(self, query=(*others, *values.items()))

    def with_headers(self, values: Mapping[str, str]) -> RequestTemplate:
        """With these headers in the place of those of the same name, in whatever case that is written."""
        replaced = {name.lower() for name in values}
        kept = {name: text for name, text in self.headers.items() if name.lower() not in replaced}
        return replace(self, headers={**kept, **values})

    def with_body(self, values: Mapping[str, Any]) -> RequestTemplate:
        """With values in the form, or at dotted places of the JSON body; a number in a place counts into a list.

        Raises RunError where a place leads through something that is neither an object nor a list.
        """
        if self.form is not None:
            return replace(self, form={**self.form, **{name: str(value) for name, value in values.items()}})
        body = copy.deepcopy(self.body) if isinstance(self.body, (dict, list)) else {}
        for place, value in values.items():
            _put(body, place, value)
        return replace(self, body=body, has_body=True)

    def request(self) -> Request:
        """As the client takes it. A fetch reads, so that whatever its method it may be sent again."""
        content, content_type = self._content()
        named = next((name for name in self.headers if name.lower() == "content-type"), None)
        if named is not None:
            content_type = None
        return Request(self.method, self.path, self.query, self.headers, content, content_type, repeatable=True)

    def _content(self) -> tuple[bytes | None, str | None]:
        if self.form is not None:
            return urlencode(self.form, quote_via=quote).encode("ascii"), _FORM
        if self.text is not None:
            return self.text.encode(), "text/plain; charset=utf-8"
        if self.has_body:
            return encode(self.body), "application/json"
        return None, None


def _put(body: Any, place: str, value: Any) -> None:
    """Put a value at a dotted place. Objects on the way are made where nothing stands there."""
    steps = place.split(".")
    at = body
    for index, name in enumerate(steps):
        step: str | int = name
        if isinstance(at, list):
            number = int(name) if name.isascii() and name.isdecimal() and len(name) < 10 else -1
            if not 0 <= number <= len(at):
                where = ".".join(steps[:index]) or "the body"
                raise RunError(
                    f"pagination: cannot put {place} into the body: {where} is a list of {len(at)}, "
                    f"and {name!r} is not one of its places; write a number from 0 to {len(at)}"
                )
            if number == len(at):
                at.append(None)
            step = number
        elif not isinstance(at, dict):
            raise RunError(
                f"pagination: cannot put {place} into the body: {'.'.join(steps[:index])} is neither an object "
                "nor a list; name another place in pagination"
            )
        else:
            at.setdefault(name, None)
        if index + 1 == len(steps):
            at[step] = value
            return
        if at[step] is None:
            at[step] = {}
        at = at[step]
