"""Answers to senders: small JSON, or nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from airflow_integrations.formats.json import encode

if TYPE_CHECKING:
    from starlette.types import Send

    from airflow_integrations.route.webhooks.trigger import AnswerOptions

__all__ = ["UNPROVEN", "Answer", "as_wished", "away", "full", "problem", "text"]

Header = tuple[bytes, bytes]
_COMMON: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_JSON: Header = (b"content-type", b"application/json")


class Answer(msgspec.Struct, frozen=True):
    status: int
    content: Any = None
    """Written as JSON; text as it is; None: no body."""
    headers: tuple[Header, ...] = ()

    async def send(self, send: Send, *, head: bool = False) -> None:
        kind: tuple[Header, ...] = ()
        body = b""
        if isinstance(self.content, str):
            body, kind = self.content.encode("utf-8", "replace"), ((b"content-type", b"text/plain; charset=utf-8"),)
        elif self.content is not None:
            body, kind = encode(self.content), (_JSON,)
        length = (b"content-length", str(len(body)).encode())
        headers = [*kind, length, *_COMMON, *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


UNPROVEN = Answer(401, None, ((b"www-authenticate", b"Webhook"),))
"""To an unknown path and to a sender that proves nothing, alike."""


def problem(status: int, detail: str) -> Answer:
    """To a sender that is known, or where it tells nothing."""
    return Answer(status, {"detail": detail})


def text(content: str) -> Answer:
    return Answer(200, content)


def as_wished(options: AnswerOptions, answer: Answer) -> Answer:
    """The answer to an event that was taken, as its sender wants to hear it."""
    content = None if options.body == "empty" else answer.content
    return Answer(options.status or answer.status, options.text or content, answer.headers)


def full() -> Answer:
    return Answer(429, {"detail": "too much at once; send it again"}, ((b"retry-after", b"2"),))


def away() -> Answer:
    return Answer(503, {"detail": "this cannot be taken at the moment; send it again"}, ((b"retry-after", b"10"),))
