"""An HTTP client that remembers the last request of each task and the answer to it, until somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from airflow_integrations.errors import AnswerError, IntegrationError
from airflow_integrations.exchange import TEXT_LENGTH, Exchange, Telling

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient, Request

__all__ = ["Overheard"]

MOST_HEADERS = 50
HEADER_LENGTH = 300
_CREDENTIAL = re.compile(r"auth|cookie|token|secret|password|signature|credential|api-?key|session", re.I)
_UNPRINTABLE = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_last: ContextVar[tuple[Request, Answer | None, str | None] | None] = ContextVar("last_exchange", default=None)


class Overheard:
    """Sends as the client does. Remembering costs next to nothing."""

    def __init__(self, client: HttpClient, *, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now

    async def send(self, request: Request, *, again: Callable[[Answer], bool] | None = None) -> Answer:
        """As :meth:`HttpClient.send`."""
        try:
            answer = await self._client.send(request, again=again)
        except IntegrationError as error:
            _last.set((request, getattr(error, "answer", None), str(error)))
            raise
        _last.set((request, answer, None))
        return answer

    def forget(self) -> None:
        """What comes next has asked nothing yet."""
        _last.set(None)

    def exchange(self) -> Telling | None:
        """Of the last request of this task since :meth:`forget`."""
        heard = _last.get()
        return None if heard is None else partial(self._exchange, *heard, self._now())

    def _exchange(self, request: Request, answer: Answer | None, error: str | None, at: float) -> Exchange:
        redact = self._client.redact
        headers = {**request.headers, **({"Content-Type": request.content_type} if request.content_type else {})}
        return Exchange(
            at=at,
            request=f"{request.method} {self._url(request)}",
            request_headers=_headers(headers, redact),
            request_body=_text(request.body, redact) if request.body is not None else None,
            status=answer.status if answer else None,
            headers=_headers(answer.headers, redact) if answer else {},
            body=_text(answer.content, redact) if answer else None,
            seconds=answer.elapsed if answer else None,
            attempts=answer.attempts if answer else None,
            error=error,
        )

    def _url(self, request: Request) -> str:
        from airflow_integrations.http.redaction import url_without_secrets
        from airflow_integrations.http.target import target

        try:
            return url_without_secrets(str(target(self._client.endpoint, request)), self._client.redact)
        except AnswerError:  # it leads away, and was not followed
            return request.path.partition("?")[0]


def _headers(headers: Mapping[str, str], redact: Callable[[str], str]) -> dict[str, str]:
    return {name[:HEADER_LENGTH]: _header(name, redact(value)) for name, value in list(headers.items())[:MOST_HEADERS]}


def _header(name: str, value: str) -> str:
    return "***" if _CREDENTIAL.search(name) else _UNPRINTABLE.sub(" ", value[:HEADER_LENGTH])


def _text(content: bytes, redact: Callable[[str], str]) -> str:
    """Redacted before it is cut, so that no part of a secret is left at the end."""
    text = redact(content[: 4 * TEXT_LENGTH].decode("utf-8", "replace").replace("\r\n", "\n"))
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text[:TEXT_LENGTH])
