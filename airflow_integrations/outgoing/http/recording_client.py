"""An HTTP client that remembers the last request of each task and the answer to it, until somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from airflow_integrations.errors import AnswerError, IntegrationError
from airflow_integrations.http.escaped_secrets import MARGIN, beginning
from airflow_integrations.http.exchange import TEXT_LENGTH, Exchange, ExchangeFactory

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient, Request
    from airflow_integrations.http.retry import Verdict

__all__ = ["RecordingClient"]

MOST_HEADERS = 50
HEADER_LENGTH = 300
ANSWER_LENGTH = 300
"""Characters of the answer to a step that are kept."""
_CREDENTIAL = re.compile(r"auth|cookie|token|secret|password|signature|credential|api-?key|session", re.I)
_UNPRINTABLE = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_last: ContextVar[tuple[Request, Answer | None, str | None] | None] = ContextVar("last_exchange", default=None)


class RecordingClient:
    """Sends as the client does. Remembering costs next to nothing."""

    def __init__(self, client: HttpClient, *, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self.later_in_a_row = 0
        """Requests put off until the retry budget was used up, none answered otherwise in between."""

    async def send(self, request: Request, *, rule: Callable[[Answer], Verdict | None] | None = None) -> Answer:
        """As :meth:`HttpClient.send`."""
        try:
            answer = await self._client.send(request, rule=rule)
        except IntegrationError as error:
            _last.set((request, getattr(error, "answer", None), str(error)))
            raise
        _last.set((request, answer, None))
        self.later_in_a_row = 0
        return answer

    def say(self, request: Request) -> str:
        """``erp: POST /orders``: for messages."""
        return self._client.say(request)

    def redact(self, text: str) -> str:
        """As :meth:`HttpClient.redact`."""
        return self._client.redact(text)

    def last_request(self) -> tuple[str, int | None, str]:
        """The last request of this task since :meth:`forget` in one line, the status of the answer and its beginning;
        empty where there was none."""
        heard = _last.get()
        if heard is None:
            return "", None, ""
        request, answer, _ = heard
        if answer is None:
            return self.say(request), None, ""
        return self.say(request), answer.status, answer.excerpt(ANSWER_LENGTH)

    def forget(self) -> None:
        """What comes next has asked nothing yet."""
        _last.set(None)

    def exchange(self) -> ExchangeFactory | None:
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
        from airflow_integrations.http.url import target

        try:
            redact = self._client.redact
            return redact(url_without_secrets(str(target(self._client.endpoint, request)), redact))
        except AnswerError:  # it leads away, and was not followed
            return self._client.redact(request.path.partition("?")[0])


def _headers(headers: Mapping[str, str], redact: Callable[[str], str]) -> dict[str, str]:
    some = list(headers.items())[:MOST_HEADERS]
    return {redact(name)[:HEADER_LENGTH]: _header(name, redact(value)) for name, value in some}


def _header(name: str, value: str) -> str:
    return "***" if _CREDENTIAL.search(name) else _UNPRINTABLE.sub(" ", value[:HEADER_LENGTH])


def _text(content: bytes, redact: Callable[[str], str]) -> str:
    """Redacted before it is cut, so that no part of a secret is left at the end."""
    part, more = beginning(content, 4 * TEXT_LENGTH)
    text = redact(part.decode("utf-8", "replace"))
    text = (text[:-MARGIN] if more else text).replace("\r\n", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text[:TEXT_LENGTH])
