"""One tree of exceptions, named by what has to happen next.

    IntegrationError
    ├── RouteError            the route's author mends a file; carries every mistake with its place
    ├── SetupError            an operator mends the deployment (a Connection, a credential, a pool)
    ├── RunError              this run was asked for something impossible; clear or trigger it differently
    ├── AnswerError           the other system answered what the route cannot work with; a person looks
    ├── OutageError           the other system is away or overloaded; the task tries again later
    ├── PostponedError        nothing to do before a moment; the work is begun again then
    ├── UnknownOutcome        something was sent and no answer says what became of it
    └── EntityError           one entity is bad; it is rejected with the reason and the others go on

Only :class:`OutageError` is worth an Airflow retry; the operators turn all others into ``AirflowFailException``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "AnswerError",
    "EntityError",
    "IntegrationError",
    "Mistake",
    "OutageError",
    "PostponedError",
    "RouteError",
    "RunError",
    "SetupError",
    "UnknownOutcome",
    "why_unreachable",
]

_CAUSES = (
    (r"[Cc]onnection ?[Rr]efused|Errno 111|\(111,|Connect call failed", "connection refused"),
    (
        r"Name or service not known|nodename nor servname|getaddrinfo|name resolution|No address associated",
        "unknown host name",
    ),
    (r"Network is unreachable|No route to host", "no network route"),
    (r"reset by peer|Errno 104|closed by peer|EOF", "the connection was closed"),
    (r"[Tt]imed? ?out", "no answer in time"),
)


def why_unreachable(error: BaseException, limit: int = 300) -> str:
    """Why another system cannot be reached, in a few words: libraries show addresses, tuples and class names."""
    text = str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    whole = f"{error!r} {text}"
    for pattern, words in _CAUSES:
        if re.search(pattern, whole):
            at = re.search(r"Connect call failed \('([^']+)', (\d+)|connect to host ([^\s:]+):(\d+)", whole)
            return f"{words}: {f'{at[1] or at[3]}:{at[2] or at[4]}' if at else 'check host and port'}"
    return text[:limit] or type(error).__name__


class AnswerParts(Protocol):
    """What an error keeps of the answer that caused it: an HTTP client's answer has these."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...


class IntegrationError(Exception):
    """Root of all errors that this package raises on purpose. Its text is for people and holds no secret."""

    exchange: Callable[[], Any] | None = None
    """Makes the :class:`~airflow_integrations.http.exchange.Exchange` that led to this, where a kind recorded it."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing to fix in a route file.

    ``line`` and ``column`` count from 1; both are 0 where the route came from Python and has no file.
    ``path`` is the dotted place in the document, such as ``incoming.http.pagination``.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}  {self.path}: {self.message}" if self.path else f"{place}  {self.message}"


class RouteError(IntegrationError):
    """A route that cannot be used as it is written. ``mistakes`` holds all of them, in the order of the file."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


class SetupError(IntegrationError):
    """The deployment lacks something: a Connection, a Variable, accepted credentials, a pool, a file."""


class RunError(IntegrationError):
    """This run cannot go on as it was asked: contradictory conf, or stages of two definitions of the route."""


class AnswerError(IntegrationError):
    """An answer that breaks the route's expectations: HTML for JSON, a page that repeats, a refused request.

    ``answer`` is the whole of it, where it was kept.
    """

    def __init__(self, message: str, *, answer: AnswerParts | None = None) -> None:
        super().__init__(message)
        self.answer = answer


class OutageError(IntegrationError):
    """The other system is unreachable, overloaded or failing; the same request may well work later.

    ``retry_after`` is the number of seconds the server asked to wait, where it said so. ``status`` is the HTTP status
    that the last attempt was answered with; None where nothing answered. ``answer`` is the whole of it.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        answer: AnswerParts | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status
        self.answer = answer


class PostponedError(IntegrationError):
    """Another system works, and nothing is to be done before ``until`` (Unix seconds). Then the same work begins again
    and goes on from what it has saved. Raised only where ``Services.waits_at_most`` allows it."""

    def __init__(self, message: str, until: float) -> None:
        super().__init__(message)
        self.until = until


class UnknownOutcome(IntegrationError):
    """A request left this machine and no usable answer came back: it may or may not have taken effect.

    ``status`` is the HTTP status of the answer that left it open, where there was one; ``answer`` is the whole of it.
    """

    def __init__(self, message: str, *, status: int | None = None, answer: AnswerParts | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer


class EntityError(IntegrationError):
    """One entity cannot go on. ``field`` is the dotted output or input field at fault, where there is one."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
