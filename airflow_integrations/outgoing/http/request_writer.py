"""From what a route says about a request to the requests themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_integrations.errors import EntityError, RunError
from airflow_integrations.expressions import Template, texts_of
from airflow_integrations.http import Request
from airflow_integrations.outgoing.formatted_body import FormattedBody
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.query_options import Question
from airflow_integrations.outgoing.http.request_body import (
    Body,
    array,
    form_fields,
    itself,
    no_body,
    structured,
    written,
)
from airflow_integrations.outgoing.http.request_options import Message

__all__ = ["JSON", "RequestWriter", "body_of", "merged_headers", "own_body", "writer_of"]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
FORM = "application/x-www-form-urlencoded"

_Text = Callable[[Mapping[str, Any]], str]


class RequestWriter:
    """Writes the requests of one kind. What is the same for the whole run is rendered once, when it is made.

    ``place`` names the configuration in messages. Raises RunError where a text cannot be rendered for any entity.
    """

    def __init__(
        self,
        message: Message | Question,
        base: Mapping[str, Any],
        place: str,
        *,
        headers: Mapping[str, Template],
        content_type: str | None,
        repeatable: bool,
        key_header: str | None = None,
    ) -> None:
        assert message.path is not None
        self._base = base
        self._place = place
        self._method = message.method
        self._content_type = content_type
        self._repeatable = repeatable
        self._key_header = key_header
        self._path, self._fixed_path = self._text(message.path, "path")
        query = [(name, self._text(template, f"query.{name}")) for name, template in texts_of(message.query)]
        self._query = [(name, render) for name, (render, _) in query]
        fixed = tuple((name, text) for name, (_, text) in query if text is not None)
        self._fixed_query = fixed if len(fixed) == len(query) else None
        merged = merged_headers(headers, message.headers)
        texts = {name: self._text(template, f"headers.{name}") for name, template in merged.items()}
        self._headers = [(name, render) for name, (render, _) in texts.items()]
        self._fixed_headers = _fixed(texts)

    @property
    def sends_key(self) -> bool:
        """Whether its requests carry an idempotency key."""
        return self._key_header is not None

    def write(self, names: Mapping[str, Any], body: bytes | None, key: str | None = None) -> Request:
        """The request with this body. Raises EntityError where a text cannot be written for these names."""
        path = self._fixed_path
        if path is None:
            path = self._path(names)
        if self._fixed_query is not None:
            query = self._fixed_query
        else:
            query = tuple([(name, render(names)) for name, render in self._query])
        headers = self._fixed_headers
        if headers is None:
            headers = {name: render(names) for name, render in self._headers}
        if key and self._key_header is not None:
            headers = {**headers, self._key_header: key}
        content_type = None if body is None else self._content_type
        return Request(self._method, path, query, headers, body, content_type, self._repeatable)

    def _text(self, template: Template, place: str) -> tuple[_Text, str | None]:
        """How to render a template, and its text where no entity can change it."""

        def render(names: Mapping[str, Any]) -> str:
            try:
                return str(template.render(names))
            except EntityError as error:
                raise EntityError(
                    error.reason, field=(error.field if template.names_places else None) or place
                ) from None

        if not template.names <= self._base.keys():
            return render, None
        try:
            return render, template.render(self._base)
        except EntityError as error:
            raise RunError(f"{self._place}.{place}: {error.reason}") from None


def merged_headers(shared: Mapping[str, Template], own: Mapping[str, Template]) -> dict[str, Template]:
    """Headers of the request itself stand in place of shared ones of the same name, in whatever case."""
    names = {name.lower() for name in own}
    return {**{name: template for name, template in shared.items() if name.lower() not in names}, **own}


def _fixed(texts: Mapping[str, tuple[_Text, str | None]]) -> dict[str, str] | None:
    fixed = {name: text for name, (_, text) in texts.items() if text is not None}
    return fixed if len(fixed) == len(texts) else None


def _spoken_for(message: Message, options: HttpOptions) -> Message:
    """Whose body counts: the request's own, or else the one that the outgoing has for all."""
    return message if message.describes_body else options


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
    if message.body_format is not None:
        return FormattedBody(message.body_format, message.body)
    if message.body_text is not None:
        return written(message.body_text)
    if message.form is not None:
        return form_fields(message.form)
    return structured(message.body) if message.body is not None else None


def _type_of(message: Message) -> str:
    if message.form is not None:
        return FORM
    if message.body_format is not None:
        return message.body_format.content_type
    return TEXT if message.body_text is not None else JSON


def writer_of(
    message: Message, options: HttpOptions, base: Mapping[str, Any], place: str, *, repeatable: bool, key: bool = True
) -> RequestWriter:
    """The writer of a request. The idempotency key goes with POST and PATCH, unless ``key`` says otherwise."""
    source = _spoken_for(message, options)
    content_type = message.content_type or options.content_type or _type_of(source)
    header = options.idempotency_header if key and message.method in ("POST", "PATCH") else None
    shared = {} if message is options else options.headers
    return RequestWriter(
        message, base, place, headers=shared, content_type=content_type, repeatable=repeatable, key_header=header
    )
