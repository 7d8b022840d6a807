"""Rows of lookups that an HTTP service gives: asked for concurrently, remembered within bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_integrations.errors import AnswerError, EntityError, IntegrationError, OutageError, SetupError
from airflow_integrations.expressions.language.presence import missing_place, reported_error, reported_instead
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Place
from airflow_integrations.transform.lookup.asking import Asked, rendered
from airflow_integrations.transform.lookup.compared import Columns, compared, shown
from airflow_integrations.transform.lookup.create import Creator
from airflow_integrations.transform.lookup.http_options import HttpLookup
from airflow_integrations.transform.lookup.remembered import Remembered, RowsByKey
from airflow_integrations.transform.lookup.rows import Later

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient

__all__ = ["HttpRows", "Question"]

ANSWER_BYTES = 8 * 1024 * 1024
"""Larger answers are refused: a look-up expects one record, or those of a batch."""
_DIVISIBLE = frozenset({400, 404, 409, 410, 413, 414, 422})
"""A request for many keys that is answered so may be refused because of one of them: it is halved."""


class Question(NamedTuple):
    """One rendered request, and which of its rows is wanted; no request of its own where keys are asked for together.

    ``names`` are what the entity is created from, where the lookup creates; questions are equal without them.
    """

    asked: Asked | None
    key: tuple[str, ...]


class _RefusedError(EntityError):
    """The answer refuses the request; ``divisible``: perhaps because of one of its keys."""

    divisible = False


class HttpRows:
    """The rows of one HTTP lookup, for the length of a run."""

    def __init__(self, name: str, config: HttpLookup, columns: Columns, cache: Any, place: Place) -> None:
        self._name = name
        self._config = config
        self._columns = columns
        self._cache_for = cache
        self._records = config.records.compile() if config.records else None
        self._error_when = config.error_when.compile() if config.error_when else None
        self._retry_when = config.retry_when.compile() if config.retry_when else None
        self._creator = Creator(name, config, place, self._once) if config.create else None

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        from airflow_integrations.http.suspects import Suspects  # who reads the file needs no HTTP

        self._base = base
        self._now = services.now
        for_events = run.events or run.kind == "live"
        self._cache = Remembered(self._cache_for, services.now, for_events=for_events)
        self._client: HttpClient = await services.client(self._config.connection)
        self._suspects = Suspects(live=run.kind == "live")
        if self._creator is not None:
            self._creator.open(base, run, services, self._client)
            self._creations = Suspects(live=run.kind == "live", repeatable=False)

    def question(self, names: Mapping[str, Any]) -> Question | None:
        """The request for one entity. Raises EntityError where a template reads what is not there."""
        key = self._columns.key(names)
        if key is None:
            return None
        if self._config.batch is not None:
            return Question(None, key)
        asked = rendered(self._config, names)
        if self._creator is not None:
            self._creator.note(Question(asked, key), names)
        return Question(asked, key)

    def nothing_found(self, question: Question) -> str:
        told = shown(self._columns.names, question.key)
        if question.asked is not None:
            told.append(f"{question.asked.method} {question.asked.path[:80]}")
        return f"no {self._name} found for {', '.join(told)}"

    def waits(self, question: Question) -> tuple[tuple[str, str], ...]:
        return ()

    def warnings(self) -> list[str]:
        return self._creator.warnings() if self._creator is not None else []

    async def find(self, questions: Collection[Question]) -> dict[Question, Any]:
        """A row for each question, None where there is none, an EntityError where the answer is no use, and Later where
        the service cannot answer this question now.

        Equal requests are sent once. Raises OutageError and SetupError where they are not one entity's matter.
        """
        if self._config.batch is not None:
            return await self._find_together(questions, self._config.batch.size)
        known: dict[Asked, RowsByKey | EntityError | Later] = {}
        keys: dict[Asked, list[tuple[str, ...]]] = {}
        for question in questions:
            assert question.asked is not None
            keys.setdefault(question.asked, []).append(question.key)
        missing = []
        for asked, wanted in keys.items():
            remembered = self._cache.rows(asked, wanted)
            if remembered is None:
                missing.append(asked)
            else:
                known[asked] = remembered
        for (asked,), answer in await self._suspects.ask(((asked,) for asked in missing), self._ask_one):
            known[asked] = _of_one(answer)
        found: dict[Question, Any] = {}
        for question in questions:
            rows = known[question.asked]  # type: ignore[index]
            found[question] = rows if isinstance(rows, (EntityError, Later)) else rows.get(question.key)
        if self._creator is not None:
            await self._create(found)
        return found

    async def _create(self, found: dict[Question, Any]) -> None:
        assert self._creator is not None
        wanted = [question for question, row in found.items() if row is None]
        made = await self._creations.ask(
            ((question,) for question in wanted), self._create_one, tells=lambda row: not isinstance(row, Later)
        )
        for (question,), row in made:
            found[question] = _of_one(row)
            if question.asked in self._cache:
                self._cache.forget(question.asked)  # it said that there is nothing
        self._creator.forget()

    async def _find_together(self, questions: Collection[Question], size: int) -> dict[Question, Any]:
        found: dict[Question, Any] = {}
        asked: list[tuple[str, ...]] = []
        for question in questions:
            remembered = self._cache.rows(question.key, [question.key])
            if remembered is None:
                asked.append(question.key)
            else:
                found[question] = remembered.get(question.key)
        pieces = [asked[first : first + size] for first in range(0, len(asked), size)]
        for keys, rows in await self._suspects.ask(pieces, self._ask_together, divides=_is_divisible):
            if not isinstance(rows, IntegrationError):
                self._remember_each(keys, rows)
            for key in keys:
                answer = _of_one(rows)
                found[Question(None, key)] = answer if isinstance(answer, EntityError | Later) else answer.get(key)
        return found

    async def _ask_together(self, keys: Sequence[tuple[str, ...]]) -> RowsByKey | EntityError:
        """Rows by key."""
        try:
            asked = rendered(self._config, {**self._base, "ids": [text for (text,) in keys]})
        except EntityError as error:
            unwritable = _RefusedError(error.reason, field=error.field)
            unwritable.divisible = True  # one of the keys, or all of them together
            return unwritable
        return await self._ask(asked, remember=False, many=True)

    async def _ask_one(self, asked: Sequence[Asked]) -> RowsByKey | EntityError:
        return await self._ask(asked[0])

    async def _create_one(self, questions: Sequence[Question]) -> Any:
        assert self._creator is not None
        return await self._creator.create(questions[0])

    def finished(self) -> None:
        """The last question was asked. Raises OutageError and SetupError where the service has answered none."""
        self._suspects.finished()
        if self._creator is not None:
            self._creations.finished()

    async def _once(self, question: Question) -> Any:
        """The answer to one question as it is now."""
        assert question.asked is not None
        rows = await self._ask(question.asked, remember=False)
        return rows if isinstance(rows, EntityError) else rows.get(question.key)

    async def _ask(self, asked: Asked, *, remember: bool = True, many: bool = False) -> RowsByKey | EntityError:
        request, sent = asked.request(), self._now()
        try:
            answer = await self._client.send(request, again=self._means_later if self._retry_when else None)
            rows = self._rows(answer, many=many)
        except AnswerError as error:
            return EntityError(str(error))
        except EntityError as error:
            told = _RefusedError(f"{self._config.connection}: {request}: {self._client.redact(error.reason)}")
            told.divisible = getattr(error, "divisible", False)
            return told
        if remember:
            self._cache.add(asked, rows, len(answer.content) + len(asked.content or b"") + 200, sent)
        return rows

    def _rows(self, answer: Answer, *, many: bool) -> RowsByKey:
        gone = answer.status in (404, 410) and not many  # of many keys nobody knows which of them it is about
        if gone or answer.status == 204:
            return {}
        if not 200 <= answer.status < 300:
            refused = _RefusedError(f"answered {answer.status}: {answer.said(200)}")
            refused.divisible = answer.status in _DIVISIBLE
            raise refused
        if len(answer.content) > ANSWER_BYTES:
            large = _RefusedError(f"the answer has {len(answer.content)} bytes; a lookup takes at most {ANSWER_BYTES}")
            large.divisible = True
            raise large
        if self._error_when is not None and self._error_when(self._beginning(answer)):
            meant = _RefusedError(f"the answer means an error, as error_when says: {answer.said(200)}")
            meant.divisible = True
            raise meant
        if not answer.content.strip():
            raise EntityError(f"the answer ({answer.status}) is empty and does not tell what there is")
        names = self._names(answer)
        found = names["body"] if self._records is None else self._records(names)
        if not found or self._records is None:
            self._mind_errors(answer, names, found)
        return _by_columns(found, self._columns)

    def _mind_errors(self, answer: Answer, names: Mapping[str, Any], found: Any) -> None:
        """Raises EntityError for an answer that does not tell what there is: nobody knows whether there is nothing."""
        reads = self._config.records
        if reads is not None and (place := missing_place(reads, names)) is not None:
            why = (
                f"the answer has no {place}; where that means that nothing was found, write records: {reads.text} or []"
            )
            raise EntityError(f"{why}. It said: {answer.said(200)}")
        if self._error_when is not None:
            return
        name = reported_error(names["body"]) if found else self._reported_instead(answer, names["body"])
        if name is not None:
            why = f"the answer reports {name}: {answer.said(200)}"
            raise EntityError(f"{why}; where {name} does not mean that, write error_when")

    def _reported_instead(self, answer: Answer, body: Any) -> str | None:
        content_type = answer.headers.get("Content-Type")
        if self._config.by_record(content_type):
            return reported_instead(None, self._config.head(answer.content, content_type)["document"])
        return reported_instead(body, body if self._config.name_for(content_type) == "xml" else None)

    def _beginning(self, answer: Answer) -> dict[str, Any]:
        """What conditions see: the answer; of one that is read record by record, its head, which never fails."""
        content_type = answer.headers.get("Content-Type")
        if not self._config.by_record(content_type):
            return self._names(answer)
        return self._names(answer, self._config.head(answer.content, content_type))

    def _names(self, answer: Answer, head: Any = None) -> dict[str, Any]:
        try:
            body = self._config.decode(answer, place="the answer") if head is None else head
        except AnswerError as error:
            raise EntityError(str(error)) from None
        asked = {"method": answer.request.method, "path": answer.request.path, "url": answer.url}
        return {**self._base, "status": answer.status, "headers": answer.headers, "body": body, "request": asked}

    def _means_later(self, answer: Answer) -> bool:
        assert self._retry_when is not None
        try:
            return bool(self._retry_when(self._beginning(answer)))
        except EntityError:  # what it is, is told when its rows are read
            return False

    def _remember_each(self, keys: Iterable[tuple[str, ...]], rows: RowsByKey) -> None:
        now = self._now()
        for key in keys:
            row = rows.get(key)
            self._cache.add(key, {} if row is None else {key: row}, 300, now)


def _by_columns(body: Any, columns: Columns) -> RowsByKey:
    rows = body if isinstance(body, list) else [] if body is None else [body]
    index: dict[tuple[str, ...], Any] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise EntityError(
                "the answer holds something other than an object or a list of objects; records says where they are"
            )
        try:
            key = tuple(compared(row.get(column)) for column in columns.names)
        except EntityError:
            continue  # an object or list where a text is compared: it equals none
        if None in key:
            continue
        full: tuple[str, ...] = key  # type: ignore[assignment]
        index[full] = row if full not in index else EntityError(f"several rows match; {remedy(columns)}")
    return index


def remedy(columns: Columns) -> str:
    return "compare more columns in where" if columns.names else "say in where which one is meant"


def _of_one(answer: Any) -> Any:
    """The trouble of one question, as its entity meets it."""
    if isinstance(answer, OutageError):
        return Later(str(answer))
    return EntityError(str(answer)) if isinstance(answer, AnswerError | SetupError) else answer


def _is_divisible(answer: Any) -> bool:
    return getattr(answer, "divisible", False)
