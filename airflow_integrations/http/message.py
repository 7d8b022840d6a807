"""What is asked and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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

    def excerpt(self, limit: int = 300) -> str:
        """The beginning of the content as one printable line of at most ``limit`` characters, without secrets."""
        return excerpt_of(self.content, limit, redact=self.redact)


def excerpt_of(content: bytes, limit: int = 300, *, redact: Callable[[str], str] = str) -> str:
    """The beginning of some bytes as one printable line. ``redact`` sees it before it is cut."""
    text = redact(" ".join(content[: 4 * limit + 64].decode("utf-8", "replace").split()))
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: limit + 1])
    return text if len(text) <= limit and len(content) <= 4 * limit + 64 else text[: limit - 1] + "…"
