"""One request of a fetch and what its answer says: checked, decoded, ready for expressions."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.language.presence import reported_error, reported_instead
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.json import read

if TYPE_CHECKING:
    from airflow_integrations.formats.partial import Cutter
    from airflow_integrations.http import Answer, HttpClient, Request

__all__ = ["Requester", "Response", "refusal"]


@dataclass(frozen=True, slots=True)
class Response:
    """A good answer. ``names`` is what expressions over it see; ``place`` begins messages about it."""

    answer: Answer
    names: Mapping[str, Any]
    place: str
    empty: bool = False
    """There is nothing in it, and nothing after it, as ``empty_when`` says."""
    records: list[Any] | None = None
    """The records, still JSON, where the answer could be cut apart; ``body`` then has only what is read besides."""

    def evaluate(self, expression: Expression, what: str) -> Any:
        """The value of an expression over the answer. Raises AnswerError where it has none."""
        try:
            return expression.compile()(self.names)
        except EntityError as error:
            raise AnswerError(f"{self.place}: {what}: {self.answer.redact(error.reason)}") from None


class Requester:
    """Sends requests whose answers are of one kind."""

    def __init__(
        self,
        client: HttpClient,
        base: Mapping[str, Any],
        answers: AnswerFormat,
        error_when: Expression | None,
        retry_when: Expression | None,
        cutter: Cutter | None = None,
        empty_when: Expression | None = None,
        *,
        required: Collection[str] = (),
        identifying: Collection[str] = (),
        rejects: bool = False,
        path: tuple[str, ...] | None = None,
        ranges: bool = False,
    ) -> None:
        """``required`` and ``rejects``: see :meth:`AnswerFormat.read`. ``identifying``: fields of which a record
        has one, or it has no key. ``path``: where the records of a JSON document
        are, if one that cannot be decoded is to be taken apart into them. ``ranges``: each request names a range of
        records, so that 416 means that there are none."""
        self._ranges = ranges
        self._path = path
        self._required = required
        self._identifying = frozenset(identifying)
        self._rejects = rejects
        self._cutter = cutter
        self._empty_when = empty_when
        self._client = client
        self._base = base
        self._format = answers
        self._error_when = error_when
        self._retry_when = retry_when

    def place(self, request: Request) -> str:
        """``shop: GET /orders``."""
        return self._client.say(request)

    async def ask(self, request: Request, *, resumed: bool = False, beyond: bool = False) -> Response:
        """Raises AnswerError for a refusal, for content that cannot be read and where ``error_when`` holds.

        ``resumed`` says that the request goes on from a place that was saved earlier; ``beyond`` that it only makes
        sure that nothing follows a short page: many servers refuse a place behind the end.
        """
        said = await self.ask_maybe(request, absent=(), resumed=resumed, beyond=beyond)
        assert said is not None
        return said

    async def ask_maybe(
        self, request: Request, *, absent: Collection[int] = (404, 410), resumed: bool = False, beyond: bool = False
    ) -> Response | None:
        """As :meth:`ask`, but None where the answer's status says that there is no such thing."""
        said: Response | None = None

        def again(answer: Answer) -> bool:
            nonlocal said
            said = self.judged(answer, request)
            assert self._retry_when is not None
            return bool(said.evaluate(self._retry_when, "retry_when"))

        if self._retry_when is None:
            answer = await self._client.send(request)
        else:
            answer = await self._client.send(request, again=again)
        if answer.status in absent:
            return None
        none_there = self._ranges and answer.status == 416 and not resumed
        if none_there or (beyond and answer.status in _BEHIND_THE_END):
            return replace(self._read(answer, request), empty=True, records=[])
        seen = said if said is not None and said.answer is answer else None
        if self._empty_when is not None:
            looked = seen or self.judged(answer, request, anyhow=True)
            # A place that was saved earlier may be refused for its age: then it is not the end, and fetch starts over.
            expired = resumed and answer.status >= 300
            if not expired and self.is_empty(looked):
                return replace(looked, empty=True, records=[])
        if answer.status >= 300:
            raise refusal(answer, self.place(request), resumed=resumed)
        if self._error_when is not None:
            seen = seen or self.judged(answer, request)
            self.mind_error(seen)
        if seen is None or self._format.by_record(answer.headers.get("Content-Type")):
            seen = self._read(answer, request)
        return seen

    def judged(self, answer: Answer, request: Request, *, anyhow: bool = False) -> Response:
        """The answer as ``empty_when``, ``error_when`` and ``retry_when`` see it: of one that is read record by record
        ``body`` is its head."""
        content_type = answer.headers.get("Content-Type")
        if not self._format.by_record(content_type):
            return self._read(answer, request, anyhow=anyhow)
        return self.response(answer, request, self._format.head(answer.content, content_type))

    def is_empty(self, said: Response) -> bool:
        """Whether ``empty_when`` holds."""
        return self._empty_when is not None and bool(said.evaluate(self._empty_when, "empty_when"))

    def mind_error(self, said: Response) -> None:
        """Raises AnswerError where ``error_when`` holds."""
        if self._error_when is not None and said.evaluate(self._error_when, "error_when"):
            shown = answer = said.answer
            if self._format.by_record(answer.headers.get("Content-Type")):  # of what was packed, too
                shown = replace(answer, content=said.names["body"]["text"].encode("utf-8", "replace"))
            raise AnswerError(
                f"{said.place}: the answer ({answer.status}) means an error, as error_when says "
                f"({self._error_when.text}): {shown.said()}",
                answer=answer,
            )

    def mind_reported(self, said: Response, records: Sequence[Any]) -> None:
        """Raises AnswerError for an answer that reports an error in the place of records, unless ``error_when`` judges.

        ``records`` are all that it has: none, one without any field of a key that reports an error, or only such as
        cannot be read though their format promises nothing of the kind.
        """
        if said.empty or self._error_when is not None:
            return
        answer = said.answer
        content_type = answer.headers.get("Content-Type")
        by_record = self._format.by_record(content_type)
        if records:
            why = self._not_a_record(records, content_type)
        elif by_record:
            head = said.names["body"]
            if not isinstance(head, dict):
                head = self._format.head(answer.content, content_type)
            why = _reports("has no records and", reported_instead(None, head["document"]))
        else:
            body = said.names["body"]
            if said.records is not None:  # it was cut apart, and has only what is read besides
                body = self._format.decode(answer, place=said.place)
            document = body if self._format.name_for(content_type) == "xml" else None
            why = _reports("has no records and", reported_instead(body, document))
        if why is not None:
            raise AnswerError(
                f"{said.place}: the answer ({answer.status}) {why}: {answer.said()}. Where that means that there is "
                "nothing, write it as empty_when",
                answer=answer,
            )

    def _not_a_record(self, records: Sequence[Any], content_type: str | None) -> str | None:
        """Why these are not records but an error message; None where they may be records."""
        if self._format.by_record(content_type) and all(type(record) is BadRecord for record in records):
            begun = self._format.is_begun(content_type, records[0])
            return None if begun else f"has no record that can be read ({records[0].reason})"
        if len(records) > 1 or not self._identifying or type(records[0]) is BadRecord:
            return None
        (record,) = records
        with contextlib.suppress(ContentError):
            record = read(bytes(record)) if type(record) is Raw else record
        if not isinstance(record, dict) or not self._identifying.isdisjoint(record):
            return None
        return _reports("has nothing that entity.key reads and", reported_error(record))

    def _read(self, answer: Answer, request: Request, *, anyhow: bool = False) -> Response:
        place = self.place(request)
        records: list[Any] | None = None
        cut = self._cut(answer)
        if cut is not None:
            body, records = cut
        else:
            try:
                body = self._format.decode(answer, place=place, required=self._required, rejects=self._rejects)
            except AnswerError:
                apart = self._apart(answer)
                if apart is not None:
                    body, records = apart
                elif answer.status < 300 and not anyhow:
                    raise
                else:
                    body = None  # a refusal is often a page for people; its status is what counts
        return self.response(answer, request, body, records)

    def response(self, answer: Answer, request: Request, body: Any, records: list[Any] | None = None) -> Response:
        """An answer with what expressions see of it."""
        names = {
            **self._base,
            "status": answer.status,
            "headers": answer.headers,
            "body": body,
            "request": {"method": request.method, "url": answer.url},
        }
        return Response(answer, names, self.place(request), records=records)

    def _apart(self, answer: Answer) -> tuple[Any, list[Any]] | None:
        """The body and the records of an answer in which some record is not JSON; None where that is not why."""
        if self._path is None or answer.status >= 300:
            return None
        apart = self._format.separated(answer, self._path)
        if apart is None or self._cutter is not None:
            return apart
        body, records = apart
        listed = body
        for name in self._path:
            listed = listed[name]
        for record in records:
            with contextlib.suppress(ContentError):  # what is told of it when its key is read
                value = read(bytes(record)) if type(record) is Raw else record
                listed += [] if type(record) is BadRecord else [value]
        return body, records

    def _cut(self, answer: Answer) -> tuple[Any, list[Any]] | None:
        if self._cutter is None or answer.status >= 300 or not self._format.is_json(answer):
            return None
        return self._cutter.cut(answer.content)


def _reports(what: str, name: str | None) -> str | None:
    return None if name is None else f"{what} reports {name}"


_BEHIND_THE_END = frozenset({400, 404, 410, 416})
_HINTS = {
    400: ". Check what is sent: query, headers, body",
    404: ". Check the path, and the host of the Connection",
    405: ". Check the method",
    410: ". Check the path: it is there no more",
    422: ". Check what is sent: query, headers, body",
}


def refusal(answer: Answer, place: str, *, resumed: bool = False) -> AnswerError:
    """The error for an answer whose status is not a success."""
    from airflow_integrations.http.errors import reason_phrase

    words = answer.said()
    said = f"; it said: {words}" if words else ""
    if resumed and 400 <= answer.status < 500:
        why = f"{place}: {reason_phrase(answer.status)}: the saved place is no longer accepted{said}"
        return AnswerError(why, answer=answer)
    hint = _HINTS.get(answer.status, "")
    return AnswerError(f"{place}: {reason_phrase(answer.status)}{said}{hint}", answer=answer)
