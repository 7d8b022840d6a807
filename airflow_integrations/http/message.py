"""Requests and answers as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_integrations.http.error_text import message_in
from airflow_integrations.http.escaped_secrets import MARGIN, beginning

__all__ = ["Answer", "Request", "excerpt_of"]

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(slots=True)
class Request:
    """One request to an endpoint.

    ``path`` is percent-encoded and appended to the endpoint's base URL; an absolute URL is taken as it is and must be
    of the same origin. ``query`` holds plain pairs; they are encoded on the way out.
    ``repeatable`` says that sending it twice does no harm: by default so for GET, HEAD, PUT, DELETE and OPTIONS.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str | None = None
    repeatable: bool = None  # type: ignore[assignment]  # set below; callers see a bool

    def __post_init__(self) -> None:
        self.method = self.method.upper()
        if self.repeatable is None:
            self.repeatable = self.method in _REPEATABLE

    def __str__(self) -> str:
        """``GET /orders``: for messages; a query may hold what is nobody's business."""
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(slots=True)
class Answer:
    """A complete answer. ``headers`` finds names in any case; ``url`` holds no credentials."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    url: str = field(repr=False)
    request: Request
    attempts: int = 1
    elapsed: float = 0.0
    """Seconds that the last attempt took."""
    redact: Callable[[str], str] = field(default=str, repr=False)
    """Takes the Connection's secrets out of a text: a server may say back what it was sent."""
    signed_out: bool = False
    """Whether it says that the credentials of its request count no longer, and others can be had."""
    limit: int = 64 * 1024 * 1024
    """Bytes that its content may have, also when it is unpacked further: the endpoint's ``max_answer_bytes``."""

    def excerpt(self, limit: int = 300) -> str:
        """The beginning of the content as one printable line of at most ``limit`` characters, without secrets."""
        return excerpt_of(self.content, limit, redact=self.redact)

    def said(self, limit: int = 400) -> str:
        """What the content says to people, as one printable line of at most ``limit`` characters, without secrets.

        The message of an error that is told in JSON, XML or HTML, wherever in it that stands; of other content the
        beginning and the end.
        """
        if not self.content.strip():
            return ""
        message = message_in(self.content)
        if message is not None:
            return excerpt_of(self.redact(message).encode("utf-8", "replace"), limit)
        whole = excerpt_of(self.content, 4 * limit, redact=self.redact)
        if len(whole) <= limit:
            return whole
        tail = " ".join(self.redact(self.content[-8 * limit :].decode("utf-8", "replace")).split())
        end = tail[-limit // 3 :].partition(" ")[2]  # no part of a secret at its beginning
        end = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in end)
        return f"{whole[: limit - len(end) - 3]} … {end}" if end else f"{whole[: limit - 1]}…"


def excerpt_of(content: bytes, limit: int = 300, *, redact: Callable[[str], str] = str) -> str:
    """The beginning of some bytes as one printable line. ``redact`` sees it before it is cut."""
    part, more = beginning(content, 4 * limit + 64)
    text = redact(part.decode("utf-8", "replace"))
    text = " ".join((text[:-MARGIN] if more else text).split())
    text = text[: limit + 1]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= limit and not more else text[: limit - 1] + "…"
