"""Styles of paging: how the next page is asked for, and what in an answer says whether there is one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.formats.json import encode
from airflow_integrations.incoming.http_asking import Said
from airflow_integrations.incoming.http_draft import Draft
from airflow_integrations.incoming.http_link import find_link
from airflow_integrations.model import Model, walk

__all__ = ["Cursor", "Link", "NextUrl", "NoPaging", "OData", "Offset", "PageNumber", "Pagination"]

OverAnswer = Annotated[Expression, Sees("answer")]

_ODATA_LINK = Expression('body["@odata.nextLink"] or body["odata.nextLink"]', "answer")


class _Paging(Model):
    """``at`` is a place: a JSON object that says which page is asked for; ``{}`` is the first."""

    more: OverAnswer | None = None
    """False on the last page, such as ``body.has_more``."""
    total: OverAnswer | None = None
    """How many records there are in all, such as ``body.total``; fewer at the end stop the run with an error."""

    @abstractmethod
    def place_in(self, draft: Draft, at: Mapping[str, Any]) -> Draft:
        """The request for the page at this place."""

    @abstractmethod
    def after(self, at: Mapping[str, Any], said: Said, count: int, ended: bool | None) -> dict[str, Any] | None:
        """The place behind a page of ``count`` raw records; None behind the last.

        ``ended`` is what ``more`` or ``total`` say about it; None where neither is set.
        """

    def mark(self, at: Mapping[str, Any]) -> Any:
        """What must never come again; None where the style counts by itself."""
        return None

    def check_body(self, other: str | None) -> None:
        """Raises ValueError where the parameters cannot be placed in a body of this kind."""

    def reads(self) -> Iterator[Expression]:
        """Every expression that is evaluated over an answer."""
        return (leaf for _, leaf in walk(self) if isinstance(leaf, Expression))


class NoPaging(_Paging):
    """One answer holds everything."""

    style: Literal["none"] = "none"

    def place_in(self, draft: Draft, at: Mapping[str, Any]) -> Draft:
        return draft

    def after(self, at: Mapping[str, Any], said: Said, count: int, ended: bool | None) -> dict[str, Any] | None:
        return None


class _Placed(_Paging):
    model_config: ClassVar[ConfigDict] = ConfigDict(serialize_by_alias=True)

    place: Annotated[Literal["query", "body"], Field(alias="in")] = "query"
    """Whether parameters go in the query or in the body (a form's field, or a dotted place of the JSON)."""

    def check_body(self, other: str | None) -> None:
        if self.place == "body" and other is not None:
            raise ValueError(f"pagination.in: body needs a JSON body or a form to put its parameters in, not {other}")

    def put(self, draft: Draft, values: Mapping[str, Any]) -> Draft:
        if self.place == "body":
            return draft.with_body(values)
        return draft.with_query({name: _text(value) for name, value in values.items()})


class Cursor(_Placed):
    """The answer holds a token, and the next request carries it."""

    style: Literal["cursor"]
    next: OverAnswer
    """The token, such as ``body.next_cursor``. Nothing, an empty text or false ends the pages."""
    param: Annotated[str, Field(min_length=1)]
    """The parameter that carries it."""

    def place_in(self, draft: Draft, at: Mapping[str, Any]) -> Draft:
        return self.put(draft, {self.param: at["cursor"]}) if at else draft

    def after(self, at: Mapping[str, Any], said: Said, count: int, ended: bool | None) -> dict[str, Any] | None:
        cursor = said.evaluate(self.next, "pagination.next")
        if cursor is None or cursor is False or cursor == "":
            return None
        if self.place == "query" and (isinstance(cursor, (dict, list)) or cursor is True):
            raise AnswerError(
                f"{said.place}: pagination.next: {self.next.text} gives no text or number to put in the query"
            )
        at = {"cursor": cursor if self.place == "body" else _text(cursor)}
        _check_text(at, said)
        return at

    def mark(self, at: Mapping[str, Any]) -> Any:
        return at["cursor"] if at else None


class _ByUrl(_Paging):
    def place_in(self, draft: Draft, at: Mapping[str, Any]) -> Draft:
        return draft.at_url(at["url"]) if at else draft

    def after(self, at: Mapping[str, Any], said: Said, count: int, ended: bool | None) -> dict[str, Any] | None:
        found = self.found(said)
        if not found:
            return None
        if not isinstance(found, str):
            raise AnswerError(f"{said.place}: the next page's URL is no text but {type(found).__name__}")
        _check_text(found, said)
        from airflow_integrations.http.redaction import url_without_secrets
        from airflow_integrations.http.target import joined

        try:
            following = joined(said.answer.url, found)
        except AnswerError as error:
            raise AnswerError(f"{said.place}: pagination: {error}") from None
        return {"url": url_without_secrets(following, said.answer.redact)}  # it is saved with the place

    @abstractmethod
    def found(self, said: Said) -> Any:
        """The next page's URL; nothing on the last."""

    def mark(self, at: Mapping[str, Any]) -> Any:
        return at["url"] if at else None


class Link(_ByUrl):
    """The next page's URL stands in a ``Link`` header (RFC 8288), as at GitHub or Shopify."""

    style: Literal["link"]
    rel: str = "next"
    """The relation that leads to the next page."""

    def found(self, said: Said) -> Any:
        return find_link(said.answer.headers, self.rel)


class NextUrl(_ByUrl):
    """The next page's URL stands in the answer. It may be relative."""

    style: Literal["next_url"]
    next: OverAnswer
    """The URL, such as ``body.links.next``. Nothing or an empty text ends the pages."""

    def found(self, said: Said) -> Any:
        return said.evaluate(self.next, "pagination.next")


class OData(_ByUrl):
    """OData: the URL in ``@odata.nextLink`` (version 4) or ``odata.nextLink`` (version 3)."""

    style: Literal["odata"]

    def found(self, said: Said) -> Any:
        return said.evaluate(_ODATA_LINK, "the next link") if isinstance(said.names["body"], dict) else None

    def reads(self) -> Iterator[Expression]:
        yield from super().reads()
        yield _ODATA_LINK


class _Counted(_Placed):
    size: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    """Records on a full page: a page with fewer is the last. Without it an empty page is."""
    size_param: str | None = None
    """The parameter that asks for ``size``, where the server takes one."""

    def sized(self, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, self.size_param: self.size} if self.size_param and self.size else values

    def is_last(self, at: Mapping[str, Any], count: int, ended: bool | None) -> bool:
        if count == 0 or ended is not None:
            return count == 0 or bool(ended)
        size = at.get("size", self.size)
        if size is None or count >= size:
            return False
        # A short first page with a round number of records may be the server's own limit: one more request makes sure.
        return bool(at) or count % 5 != 0

    def next_size(self, at: Mapping[str, Any], count: int) -> dict[str, Any]:
        size = at.get("size", self.size)
        return {} if size is None else {"size": min(size, count)}


class Offset(_Counted):
    """The request says how many records to pass over."""

    style: Literal["offset"]
    param: Annotated[str, Field(min_length=1)] = "offset"
    """The parameter that says how many."""
    start: Annotated[int, Field(strict=True, ge=0)] = 0
    """The first page's offset."""

    def place_in(self, draft: Draft, at: Mapping[str, Any]) -> Draft:
        return self.put(draft, self.sized({self.param: at.get("offset", self.start)}))

    def after(self, at: Mapping[str, Any], said: Said, count: int, ended: bool | None) -> dict[str, Any] | None:
        if self.is_last(at, count, ended):
            return None
        return {"offset": at.get("offset", self.start) + count, **self.next_size(at, count)}


class PageNumber(_Counted):
    """The request says the number of the page."""

    style: Literal["page"]
    param: Annotated[str, Field(min_length=1)] = "page"
    """The parameter that says which."""
    start: Annotated[int, Field(strict=True, ge=0)] = 1
    """The first page's number."""
    pages: OverAnswer | None = None
    """How many pages there are, such as ``body.total_pages``."""

    def place_in(self, draft: Draft, at: Mapping[str, Any]) -> Draft:
        return self.put(draft, self.sized({self.param: at.get("page", self.start)}))

    def after(self, at: Mapping[str, Any], said: Said, count: int, ended: bool | None) -> dict[str, Any] | None:
        page = at.get("page", self.start)
        if self.pages is not None:
            if page - self.start + 1 >= whole_number(said, self.pages, "pagination.pages"):
                return None
        elif self.is_last(at, count, ended):
            return None
        return {"page": page + 1, **self.next_size(at, count)}


Pagination = Annotated[Cursor | Link | NextUrl | OData | Offset | PageNumber | NoPaging, Field(discriminator="style")]


def whole_number(said: Said, expression: Expression, what: str) -> int:
    """A count from an answer; text of digits (a header) will do. Raises AnswerError for anything else."""
    value = said.evaluate(expression, what)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, Decimal) and value == value.to_integral_value() and value < 10**18:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AnswerError(f"{said.place}: {what}: {expression.text} gives no number of records or pages")
    return value


def _check_text(value: Any, said: Said) -> None:
    """Raises AnswerError where a place cannot be written down: it would be neither asked for nor saved."""
    try:
        encode(value)
    except (TypeError, ValueError, OverflowError):
        raise AnswerError(f"{said.place}: the place of the next page has half of a surrogate pair") from None


def _text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
