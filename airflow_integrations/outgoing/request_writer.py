"""From what a route says about a request to the requests themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_integrations.errors import EntityError, RunError
from airflow_integrations.expressions import Template
from airflow_integrations.http import Request
from airflow_integrations.outgoing.http_messages import Message
from airflow_integrations.outgoing.http_questions import Question

__all__ = ["RequestWriter"]

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
        query = {name: self._text(template, f"query.{name}") for name, template in message.query.items()}
        self._query = [(name, render) for name, (render, _) in query.items()]
        self._fixed_query = _fixed(query)
        merged = _merged(headers, message.headers)
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
            query = tuple(self._fixed_query.items())
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
                raise EntityError(error.reason, field=place) from None

        if not template.names <= self._base.keys():
            return render, None
        try:
            return render, template.render(self._base)
        except EntityError as error:
            raise RunError(f"{self._place}.{place}: {error.reason}") from None


def _merged(shared: Mapping[str, Template], own: Mapping[str, Template]) -> dict[str, Template]:
    """Headers of the request itself stand in place of shared ones of the same name, in whatever case."""
    names = {name.lower() for name in own}
    return {**{name: template for name, template in shared.items() if name.lower() not in names}, **own}


def _fixed(texts: Mapping[str, tuple[_Text, str | None]]) -> dict[str, str] | None:
    fixed = {name: text for name, (_, text) in texts.items() if text is not None}
    return fixed if len(fixed) == len(texts) else None
