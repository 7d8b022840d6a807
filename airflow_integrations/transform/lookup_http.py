"""Rows of lookups that an HTTP service gives: asked for concurrently, remembered within bounds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions import Expression, Sees, Template
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.model import ConnectionId, Model
from airflow_integrations.run import Services
from airflow_integrations.transform.lookup_table import compared

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient

__all__ = ["HttpLookup", "HttpRows", "Question"]

CACHED_ANSWERS = 10_000
CACHED_BYTES = 32 * 1024 * 1024
"""Bytes of the answers that stay remembered; decoded they take a few times that."""
ANSWER_BYTES = 8 * 1024 * 1024
"""More than this is no look-up."""
_FORMAT = AnswerFormat()


class HttpLookup(Model):
    """A GET request for each entity. 404 and 410 mean that nothing was found."""

    connection: ConnectionId
    """The Airflow Connection of the service."""
    path: Annotated[Template, Sees("entity", flavor="path")]
    """Where to ask, such as ``/customers/{{ order.customer.id }}``."""
    query: dict[str, Annotated[Template, Sees("entity", flavor="query")]] = Field(default_factory=dict)
    """Query parameters."""
    records: Annotated[Expression, Sees("answer")] | None = None
    """Where the answer holds the object, or the list of objects; the whole body where it is left out."""


class Question(NamedTuple):
    """One rendered request, and which of its rows is wanted."""

    path: str
    query: tuple[tuple[str, str], ...]
    key: tuple[str, ...]


_Rows = Mapping[tuple[str, ...], Any]
"""An answer's rows by the compared columns; an EntityError stands where several have the same key."""


class HttpRows:
    """The rows of one HTTP lookup, for the length of a run."""

    def __init__(self, config: HttpLookup, columns: tuple[str, ...]) -> None:
        self._config = config
        self._columns = columns
        self._records = config.records.compile() if config.records else None
        self._cache: OrderedDict[tuple[str, Any], tuple[_Rows, int]] = OrderedDict()
        self._cached_bytes = 0

    async def open(self, base: Mapping[str, Any], services: Services) -> None:
        self._base = base
        self._client: HttpClient = await services.client(self._config.connection)

    def question(self, names: Mapping[str, Any], key: tuple[str, ...]) -> Question:
        """The request for one entity. Raises EntityError where a template reads what is not there."""
        query = tuple((name, template.render(names)) for name, template in self._config.query.items())
        return Question(self._config.path.render(names), query, key)

    async def find(self, questions: list[Question]) -> dict[Question, Any]:
        """A row for each question, None where there is none, an EntityError where the answer is no use.

        Equal requests are sent once. Raises OutageError and SetupError: they are not one entity's matter.
        """
        known: dict[tuple[str, Any], _Rows | EntityError] = {}
        missing = []
        for request in dict.fromkeys(question[:2] for question in questions):
            if request in self._cache:
                self._cache.move_to_end(request)
                known[request] = self._cache[request][0]
            else:
                missing.append(request)
        answers = await _all(self._ask(*request) for request in missing)
        known.update(zip(missing, answers, strict=True))
        found: dict[Question, Any] = {}
        for question in questions:
            rows = known[question[:2]]
            found[question] = rows if isinstance(rows, EntityError) else rows.get(question.key)
        return found

    async def _ask(self, path: str, query: tuple[tuple[str, str], ...]) -> _Rows | EntityError:
        from airflow_integrations.http import Request

        request = Request("GET", path, query=query, headers={"Accept": "application/json"})
        try:
            answer = await self._client.send(request)
            rows = self._rows(answer)
        except AnswerError as error:
            return EntityError(str(error))
        except EntityError as error:
            return EntityError(f"{self._config.connection}: {request}: {error.reason}")
        self._remember((path, query), rows, len(answer.content) + 200)
        return rows

    def _rows(self, answer: Answer) -> _Rows:
        if answer.status in (404, 410) or (answer.status < 300 and not answer.content.strip()):
            return {}
        if not 200 <= answer.status < 300:
            raise EntityError(f"answered {answer.status}: {answer.excerpt(200)}")
        if len(answer.content) > ANSWER_BYTES:
            raise EntityError(f"the answer has {len(answer.content)} bytes; a lookup takes at most {ANSWER_BYTES}")
        try:
            body = _FORMAT.decode(answer, place="the answer")
        except AnswerError as error:
            raise EntityError(str(error)) from None
        if self._records is not None:
            asked = {"method": answer.request.method, "path": answer.request.path, "url": answer.url}
            seen = {"status": answer.status, "headers": answer.headers, "body": body, "request": asked}
            body = self._records({**self._base, **seen})
        return _by_columns(body, self._columns)

    def _remember(self, request: tuple[str, Any], rows: _Rows, size: int) -> None:
        self._cache[request] = rows, size
        self._cached_bytes += size
        while len(self._cache) > CACHED_ANSWERS or self._cached_bytes > CACHED_BYTES:
            _, (_, gone) = self._cache.popitem(last=False)
            self._cached_bytes -= gone


def _by_columns(body: Any, columns: tuple[str, ...]) -> _Rows:
    rows = body if isinstance(body, list) else [] if body is None else [body]
    index: dict[tuple[str, ...], Any] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise EntityError(
                "the answer holds something other than an object or a list of objects; records says where they are"
            )
        try:
            key = tuple(compared(row.get(column)) for column in columns)
        except EntityError:
            continue  # an object or list where a text is compared: it equals none
        if None in key:
            continue
        full: tuple[str, ...] = key  # type: ignore[assignment]
        index[full] = row if full not in index else EntityError(f"several rows match; {_remedy(columns)}")
    return index


def _remedy(columns: tuple[str, ...]) -> str:
    return "compare more columns in where" if columns else "say in where which one is meant"


async def _all(coroutines: Iterable[Any]) -> list[Any]:
    """All results in order; the first exception cancels the rest before it is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
