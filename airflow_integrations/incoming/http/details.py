"""A request for each listed item, a few at a time, in the order of the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import walk
from airflow_integrations.errors import AnswerError, EntityError, OutageError
from airflow_integrations.expressions import Expression, Sees, Structure, Template, Texts
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.http.errors import Refused
from airflow_integrations.incoming import Gone, Unfinished
from airflow_integrations.incoming.http.method import Method
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Requester, Response
from airflow_integrations.route.definition import Route

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient
    from airflow_integrations.http.suspects import Suspects

__all__ = ["AloneDetails", "Details", "DetailsCompleter", "asks_of_items_alone", "fetch_details"]

_ABSENT = object()
_ASKED = ("path", "query", "headers", "body", "form", "body_text")
_OF_LIST = frozenset({"status", "headers", "body", "request"})


class MissingError(AnswerError):
    """There is no such thing, and ``missing: fail`` says that there must be."""


class _SaysMissing(Protocol):
    @property
    def missing(self) -> str: ...


class Details(AnswerFormat):
    """One request for each item of the list. Its texts see ``item`` besides the list's answer."""

    without_list: ClassVar[bool] = False
    """Whether the items never come from a list's answer."""

    method: Method = "GET"
    """The request's method.

    Example: ``method: POST``
    """
    path: Annotated[Template, Sees("item", flavor="path")]
    """Such as ``/orders/{{ item.id }}``.

    Example: ``path: /api/orders/{{ item.id }}``
    """
    query: dict[str, Annotated[Texts, Sees("item", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``.

    Example: ``query: {fields: all}``
    """
    headers: dict[str, Annotated[Template, Sees("item", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {X-Channel: web}``
    """
    body: Annotated[Structure, Sees("item")] | None = None
    """A JSON body in the grammar of ``map``.

    Example: ``body: {id: item.id}``
    """
    form: dict[str, Annotated[Template, Sees("item")]] | None = None
    """Fields of a form instead.

    Example: ``form: {id: "{{ item.id }}"}``
    """
    body_text: Annotated[Template, Sees("item")] | None = None
    """Text instead.

    Example: ``body_text: <get id="{{ item.id | xml }}"/>``
    """
    record: Annotated[Expression, Sees("item")] = Expression("body", "item")
    """What of the answer is kept; ``body``, ``status`` and ``headers`` are those of the item's own answer.

    Example: ``record: body.order``
    """
    into: str | None = None
    """The field of the listed item that takes it. Without one it takes the item's place.

    Example: ``into: detail``
    """
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Requests under way at once; the Connection's own limit holds as well.

    Example: ``concurrency: 8``
    """
    missing: Literal["fail", "keep", "skip", "delete"] = "fail"
    """What happens where the answer is 404 or 410, or ``gone_when`` is true: the run fails (an event's item is
    rejected); the item is kept as it is, or left out; or it was deleted, and is deleted at the target as well, if that
    has it.

    Example: ``missing: skip``
    """
    events: bool = False
    """Also ask for what comes through the route's inbox: webhooks, messages and calls of the API that say little more
    than an id. ``item`` is then one of their records. Several events with the same question are asked for once, after
    the last of them.

    Example: ``events: true``
    """
    error_when: Annotated[Expression, Sees("item")] | None = None
    """True for an answer that says 200 and means an error.

    Example: ``error_when: body.error``
    """
    gone_when: Annotated[Expression, Sees("item")] | None = None
    """True for an answer that says, with a good status, that there is no such thing: what ``missing`` says happens.

    Example: ``gone_when: body.order is None``
    """
    retry_when: Annotated[Expression, Sees("item")] | None = None
    """True for an answer that means *later*.

    Example: ``retry_when: body.state == "preparing"``
    """

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "form", "body_text") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"a request has one body; found {' and '.join(given)}")
        return self

    @model_validator(mode="after")
    def _of_an_item(self) -> Self:
        """An event has no list whose answer its question could read."""
        if self.events or self.without_list:
            for place, leaf in walk(self):
                if place[0] in _ASKED:
                    read = sorted(getattr(leaf, "names", frozenset()) & _OF_LIST)
                    if read:
                        raise ValueError(
                            f"{'.'.join(map(str, place))} reads {read[0]}, the answer of the list, and here is "
                            "none; read item"
                        )
        return self


def asks_of_items_alone(details: Details, route: Route) -> bool:
    """Whether what is asked for an item can be asked again without its list: it reads nothing of the list's answer, and
    the item is an entity by itself."""
    if route.entity.group is not None or getattr(route.incoming.config, "for_each", None) is not None:
        return False
    return not any(
        _OF_LIST & getattr(leaf, "names", frozenset()) for place, leaf in walk(details) if place[0] in _ASKED
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """Asks for the details of an item; it may be asked again behind its page."""

    place: int
    item: Any
    names: Mapping[str, Any]


class AloneDetails:
    """Details of listed items, where one whose details cannot be had is :class:`Unfinished` and the others go on."""

    def __init__(self, details: Details, client: HttpClient) -> None:
        from airflow_integrations.http.suspects import Suspects

        self._details = details
        self._client = client
        self._suspects = Suspects(live=True)  # what is fetched is committed page by page: no end decides

    async def fetch(
        self, listed: Response, items: list[Any], lets_in: Callable[[], Awaitable[bool]] | None = None
    ) -> list[Any]:
        """As :func:`fetch_details`, but for Unfinished. ``lets_in`` asks for the list again, and says whether it comes.

        Raises OutageError and SetupError where they are not one item's matter, AnswerError where none is answered or
        one is missing that must be there."""
        import asyncio

        turns = asyncio.Semaphore(self._details.concurrency)

        async def ask(questions: Sequence[_Question]) -> Any:
            async with turns:
                try:
                    return await _one(self._details, self._client, questions[0].names, questions[0].item)
                except MissingError as error:
                    return error

        listed_ones = set(map(id, items))

        def tells(answer: Any) -> bool:
            """Only details show that they are asked for and read in the right way."""
            absent = answer is _ABSENT or id(answer) in listed_ones
            return not absent and type(answer) not in (Gone, MissingError)

        records: list[Any] = [_ABSENT] * len(items)
        questions = [_Question(place, item, listed.names) for place, item in enumerate(items)]
        answers = await self._suspects.ask(((one,) for one in questions), ask, tells=tells, lets_in=lets_in)
        for (one,), answer in answers:
            if isinstance(answer, MissingError):
                raise answer
            records[one.place] = _or_unfinished(one.item, answer, self._suspects)
        return [record for record in records if record is not _ABSENT]


def _or_unfinished(item: Any, answer: Any, suspects: Suspects) -> Any:
    """The answer for an item. What is refused before others were answered may be the matter of who asks: it is asked
    for again, as after an outage, and goes by itself when that is put right."""
    if not isinstance(answer, OutageError | Refused | AnswerError):
        return answer
    refused = not isinstance(answer, OutageError)
    return Unfinished(item, str(answer), later=not (refused and suspects.answered), refused=refused)


async def fetch_details(details: Details, client: HttpClient, listed: Response, items: list[Any]) -> list[Any]:
    """The items with their details, in order. The first error ends the others and is raised."""
    records: list[Any] = [_ABSENT] * len(items)
    waiting = iter(enumerate(items))

    async def work() -> None:
        for index, item in waiting:  # one iterator for all workers
            records[index] = await _one(details, client, listed.names, item)

    await _all_of(work, min(details.concurrency, len(items)))
    return [record for record in records if record is not _ABSENT]


async def _all_of(work: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
    import asyncio  # most of this module is read by who only reads a route file

    workers = [asyncio.create_task(work()) for _ in range(count)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def deletion_mistakes(details: _SaysMissing, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where details find that something was deleted, the target has to be able to delete it."""
    deletes = getattr(route.outgoing.component(), "deletes", False)
    if details.missing == "delete" and not (deletes and getattr(route.outgoing.config, "delete", True)):
        yield (
            ("details", "missing"),
            f"outgoing {route.outgoing.kind} does not say how to delete; write its delete, or missing: skip here",
        )


class DetailsCompleter:
    """A :class:`~airflow_integrations.incoming.Completer` that asks as ``details`` says. ``lets_in`` asks the source
    something else, and says whether it answers."""

    def __init__(
        self,
        details: Details,
        client: HttpClient,
        base: Mapping[str, Any],
        lets_in: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        from airflow_integrations.http.suspects import Suspects

        self._details = details
        self._client = client
        self._base = base
        self._lets_in = lets_in
        self._suspects = Suspects(live=True)  # what becomes of events is told at once: no end decides

    def question(self, item: Any) -> bytes:
        asked = RequestTemplate.render(
            self._details, {**self._base, "item": item}, lambda text: EntityError(f"details.{text}")
        ).request()
        parts = (asked.method, asked.path, asked.query, sorted(asked.headers.items()), asked.body)
        return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()

    async def complete(self, items: Sequence[Any]) -> list[Any]:
        """One item whose answer is an outage or a 403 is its own matter where others are answered."""
        import asyncio

        turns = asyncio.Semaphore(self._details.concurrency)

        async def ask(questions: Sequence[_Question]) -> Any:
            async with turns:
                try:
                    return await self._one(questions[0].item)
                except EntityError as error:
                    return Unfinished(questions[0].item, str(error))
                except AnswerError as error:  # whoever gives this answer is there
                    refused = not isinstance(error, MissingError)
                    return Unfinished(questions[0].item, str(error), refused=refused)

        answers: list[Any] = [None] * len(items)
        questions = [_Question(place, item, self._base) for place, item in enumerate(items)]
        for (one,), answer in await self._suspects.ask(((one,) for one in questions), ask, lets_in=self._lets_in):
            answers[one.place] = _or_unfinished(one.item, answer, self._suspects)
        return answers

    async def _one(self, item: Any) -> Any:
        found = await _one(self._details, self._client, self._base, item)
        return Gone(item, delete=False) if found is _ABSENT else found


async def _one(details: Details, client: HttpClient, names: Mapping[str, Any], item: Any) -> Any:
    names = {**names, "item": item}
    request = RequestTemplate.render(details, names, _error).request()
    asking = Requester(client, names, details, details.error_when, details.retry_when)
    try:
        said = await (asking.ask(request) if details.missing == "fail" else asking.ask_maybe(request))
    except AnswerError as error:
        if error.answer is not None and error.answer.status in (404, 410):
            raise MissingError(str(error), answer=error.answer) from None
        raise
    if said is not None and details.gone_when is not None and said.evaluate(details.gone_when, "details.gone_when"):
        if details.missing == "fail":
            raise MissingError(f"{said.place}: there is no such thing, as details.gone_when says")
        said = None
    if said is None and details.missing == "delete":
        return Gone(item, delete=True)
    if said is None:
        return item if details.missing == "keep" else _ABSENT
    record = said.evaluate(details.record, "details.record")
    if record is None:
        raise AnswerError(f"{said.place}: details.record: {details.record.text} gives nothing")
    if details.into is None:
        return record
    if not isinstance(item, dict):
        raise AnswerError(f"{said.place}: details.into: {details.into!r} needs listed items that are objects")
    return {**item, details.into: record}


def _error(text: str) -> AnswerError:
    return AnswerError(f"details.{text}")
