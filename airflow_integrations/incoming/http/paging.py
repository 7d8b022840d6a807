"""Options that every style of paging has, and what those share that put parameters into a request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Raw
from pydantic import ConfigDict, Field, model_validator

from airflow_integrations.config.model import Model, walk
from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.expressions.evaluation.limits import has_some_digits
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import encode, encode_anyhow
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Response

__all__ = [
    "ByPosition",
    "Counted",
    "OverAnswer",
    "Paging",
    "Placed",
    "Sized",
    "check_place",
    "header_text",
    "parameter_text",
    "record_print",
    "whole_number",
]

OverAnswer = Annotated[Expression, Sees("answer")]


class Paging(Model):
    """``at`` is a place: a JSON object that says which page is asked for; ``{}`` is the first."""

    more: OverAnswer | None = None
    """False on the last page, such as ``body.has_more``.

    Example: ``more: body.has_more``
    """
    end_when: OverAnswer | None = None
    """True on the last page, such as ``body.page == body.pages``: the opposite of ``more``, for answers that tell it
    that way.

    Example: ``end_when: body.last``
    """
    at_most: Annotated[int, Field(strict=True, ge=1)] | None = None
    """The most records that the source gives of one list, however many there are (10,000 with many search engines).
    Where as many come, others may be missing: the run stops with an error.

    Example: ``at_most: 10000``
    """
    empty_pages: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 100
    """Pages without a record that may follow each other; one more stops the run with an error.

    Example: ``empty_pages: 1000``
    """
    total: OverAnswer | None = None
    """How many records there are in all, such as ``body.total``; fewer at the end stop the run with an error.

    Example: ``total: body.total``
    """

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if self.more is not None and self.end_when is not None:
            raise ValueError("more and end_when say the same, the other way round; leave one of them out")
        return self

    def newer(self, said: Response) -> str | None:
        """What the last page gives to ask for what is newer than all: see :class:`Page`."""
        return None

    @abstractmethod
    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        """The request for the page at this place."""

    @abstractmethod
    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        """The place behind a page of ``raw`` records; None behind the last.

        ``ended`` is what ``more`` or ``total`` say about it; None where neither is set.
        """

    @property
    def tells_no_end(self) -> bool:
        """Whether nothing in an answer says which page is the last."""
        return self.more is None and self.end_when is None and self.total is None

    @property
    def full(self) -> int:
        """Records on a full page; 0 where the style does not know."""
        return 0

    @property
    def by_position(self) -> bool:
        """Whether a record that comes or goes moves what the next page holds."""
        return False

    @property
    def compares(self) -> bool:
        """Whether the style itself tells a page that comes twice from one that may."""
        return False

    def overlap_at(self, at: Mapping[str, Any]) -> int:
        """How many records the page at this place has that the page before had as well."""
        return 0

    def moved(self, at: Mapping[str, Any], said: Response, raw: Sequence[Any]) -> str | None:
        """What tells that records moved between the page before and this one; None where nothing does."""
        return None

    def back(self, at: Mapping[str, Any], records: int, length: int) -> tuple[dict[str, Any], int] | None:
        """The place at least ``records`` before ``at``, and how many it is; None where there is none.

        ``length`` is how many records the page before had.
        """
        return None

    def mark(self, at: Mapping[str, Any]) -> Any:
        """What must never come again; None where the style counts by itself."""
        return None

    def unseen(self, at: Mapping[str, Any], said: Response, raw: list[Any]) -> list[Any]:
        """The records of the page at this place, without those that an earlier page is known to have brought."""
        return raw

    def check_body(self, other: str | None) -> None:
        """Raises ValueError where the parameters cannot be placed in a body of this kind."""

    def counted(self, said: Response) -> int | None:
        """How many records there are in all, where the answer tells it."""
        return None if self.total is None else whole_number(said, self.total, "pagination.total")

    def reads(self) -> Iterator[Expression]:
        """Every expression that is evaluated over an answer."""
        return (leaf for _, leaf in walk(self) if isinstance(leaf, Expression))


class Placed(Paging):
    model_config: ClassVar[ConfigDict] = ConfigDict(serialize_by_alias=True)

    place: Annotated[Literal["query", "body", "header"], Field(alias="in")] = "query"
    """Whether parameters go in the query, in headers, or in the body (a form's field, or a dotted place of the JSON).

    Example: ``in: body``
    """

    def check_body(self, other: str | None) -> None:
        if self.place == "body" and other is not None:
            raise ValueError(f"pagination.in: body needs a JSON body or a form to put its parameters in, not {other}")

    def put(self, draft: RequestTemplate, values: Mapping[str, Any]) -> RequestTemplate:
        if self.place == "body":
            return draft.with_body(values)
        if self.place == "header":
            return draft.with_headers({name: header_text(value) for name, value in values.items()})
        return draft.with_query({name: parameter_text(value) for name, value in values.items()})


class Sized(Placed):
    size: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    """Records on a full page, for ``size_param``. An empty page is the last, not a short one.

    Example:
        size: 250
        size_param: limit
    """
    size_param: str | None = None
    """The parameter that asks for ``size``, where the server takes one.

    Example:
        size_param: limit
        size: 250
    """

    def sized(self, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, self.size_param: self.size} if self.size_param and self.size else values


class ByPosition(Paging):
    repeats: bool = False
    """Whether the source has several records of a key, as an event log has. A key on two pages is then nothing unusual.

    Example: ``repeats: true``
    """

    @property
    def by_position(self) -> bool:
        return True

    def is_last(self, raw: Sequence[Any], ended: bool | None) -> bool:
        """A short page proves nothing: servers cap pages, and filter them after they are cut. An empty one does."""
        return not raw or bool(ended)


class Counted(ByPosition, Sized):
    size: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    """Records on a full page, for ``size_param``. An empty page is the last, not a short one.

    Example:
        size: 250
        size_param: limit
    """

    @property
    def full(self) -> int:
        return self.size or 0


def whole_number(said: Response, expression: Expression, what: str) -> int:
    """A count from an answer; text of digits (a header) will do. Raises AnswerError for anything else."""
    value = said.evaluate(expression, what)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, Decimal) and value == value.to_integral_value() and value < 10**18:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AnswerError(f"{said.place}: {what}: {expression.text} gives no number of records or pages")
    return value


def check_place(value: Any, said: Response) -> None:
    """Raises AnswerError where a place cannot be written down: it would be neither asked for nor saved."""
    try:
        encode(value)
    except (TypeError, ValueError, OverflowError):
        raise AnswerError(f"{said.place}: the place of the next page has half of a surrogate pair") from None


def parameter_text(value: Any) -> str:
    """A number without an exponent, unless that took thousands of digits."""
    return format(value, "f") if isinstance(value, Decimal) and has_some_digits(value) else str(value)


def header_text(value: Any) -> str:
    """Raises AnswerError for what no header can hold: a server must not write others of our request."""
    text = parameter_text(value)
    if not text.isascii() or not text.isprintable():
        raise AnswerError("the place of the next page cannot stand in a header: it holds more than printable ASCII")
    return text


def record_print(record: Any) -> str:
    """Equal for equal records of an answer."""
    if type(record) is BadRecord:
        record = record.content  # not its line: on another page that is another
    content = bytes(record) if type(record) is Raw else encode_anyhow(record)
    return blake2b(content, digest_size=12).hexdigest()
