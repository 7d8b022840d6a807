"""One request of a fetch and what its answer says: checked, decoded, ready for expressions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.formats.answer import AnswerFormat

if TYPE_CHECKING:
    from airflow_integrations.formats.partial import Cutter
    from airflow_integrations.http import Answer, HttpClient, Request

__all__ = ["Asking", "Said", "refusal"]


@dataclass(frozen=True, slots=True)
class Said:
    """A good answer. ``names`` is what expressions over it see; ``place`` begins messages about it."""

    answer: Answer
    names: Mapping[str, Any]
    place: str
    records: list[Any] | None = None
    """The records, still JSON, where the answer could be cut apart; ``body`` then has only what is read besides."""

    def evaluate(self, expression: Expression, what: str) -> Any:
        """The value of an expression over the answer. Raises AnswerError where it has none."""
        return _evaluated(expression, self.names, f"{self.place}: {what}")


class Asking:
    """Sends requests whose answers are of one kind."""

    def __init__(
        self,
        client: HttpClient,
        base: Mapping[str, Any],
        answers: AnswerFormat,
        error_when: Expression | None,
        retry_when: Expression | None,
        cutter: Cutter | None = None,
    ) -> None:
        self._cutter = cutter
        self._client = client
        self._base = base
        self._format = answers
        self._error_when = error_when
        self._retry_when = retry_when

    def place(self, request: Request) -> str:
        """``shop: GET /orders``."""
        return f"{self._client.endpoint.name}: {request}"

    async def ask(self, request: Request, *, resumed: bool = False) -> Said:
        """Raises AnswerError for a refusal, for content that cannot be read and where ``error_when`` holds.

        ``resumed`` says that the request goes on from a place that was saved earlier.
        """
        said = await self.ask_maybe(request, absent=(), resumed=resumed)
        assert said is not None
        return said

    async def ask_maybe(
        self, request: Request, *, absent: Collection[int] = (404, 410), resumed: bool = False
    ) -> Said | None:
        """As :meth:`ask`, but None where the answer's status says that there is no such thing."""
        said: Said | None = None

        def again(answer: Answer) -> bool:
            nonlocal said
            said = self._read(answer, request)
            assert self._retry_when is not None
            return bool(said.evaluate(self._retry_when, "retry_when"))

        if self._retry_when is None:
            answer = await self._client.send(request)
        else:
            answer = await self._client.send(request, again=again)
        if answer.status in absent:
            return None
        if answer.status >= 300:
            raise refusal(answer, self.place(request), resumed=resumed)
        if said is None or said.answer is not answer:
            said = self._read(answer, request)
        if self._error_when is not None and said.evaluate(self._error_when, "error_when"):
            raise AnswerError(
                f"{said.place}: the answer ({answer.status}) means an error, as error_when says "
                f"({self._error_when.text}): {answer.excerpt()}"
            )
        return said

    def _read(self, answer: Answer, request: Request) -> Said:
        place = self.place(request)
        records: list[Any] | None = None
        cut = self._cut(answer)
        if cut is not None:
            body, records = cut
        else:
            try:
                body = self._format.decode(answer, place=place)
            except AnswerError:
                if answer.status < 300:
                    raise
                body = None  # a refusal is often a page for people; its status is what counts
        names = {
            **self._base,
            "status": answer.status,
            "headers": answer.headers,
            "body": body,
            "request": {"method": request.method, "url": answer.url},
        }
        return Said(answer, names, place, records)

    def _cut(self, answer: Answer) -> tuple[Any, list[Any]] | None:
        if self._cutter is None or answer.status >= 300 or not self._format.is_json(answer):
            return None
        return self._cutter.cut(answer.content)


_HINTS = {
    400: ". Check what is sent: query, headers, body",
    404: ". Check the path, and the host of the Connection",
    405: ". Check the method",
    410: ". Check the path: it is there no more",
    422: ". Check what is sent: query, headers, body",
}


def refusal(answer: Answer, place: str, *, resumed: bool = False) -> AnswerError:
    """The error for an answer whose status is no success."""
    from airflow_integrations.http.refusal import reason_phrase

    said = f"; it said: {answer.excerpt()}" if answer.content else ""
    if resumed and 400 <= answer.status < 500:
        return AnswerError(f"{place}: {reason_phrase(answer.status)}: the saved place is no longer accepted{said}")
    hint = _HINTS.get(answer.status, "")
    return AnswerError(f"{place}: {reason_phrase(answer.status)}{said}{hint}")


def _evaluated(expression: Expression, names: Mapping[str, Any], what: str) -> Any:
    try:
        return expression.compile()(names)
    except EntityError as error:
        raise AnswerError(f"{what}: {error.reason}") from None
