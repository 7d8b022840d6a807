"""Styles of paging: how the next page is asked for, and what in an answer says whether there is one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.incoming.http.keyset import Keyset
from airflow_integrations.incoming.http.link_header import find_link
from airflow_integrations.incoming.http.paging import (
    Counted,
    OverAnswer,
    Paging,
    Placed,
    check_place,
    parameter_text,
    record_print,
    whole_number,
)
from airflow_integrations.incoming.http.range_paging import ByRange
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Response

__all__ = ["ByRange", "Cursor", "Keyset", "Link", "NextUrl", "NoPaging", "OData", "Offset", "PageNumber", "Pagination"]

_ODATA_LINK = Expression('body["@odata.nextLink"] or body["odata.nextLink"]', "answer")


class NoPaging(Paging):
    """One answer holds everything."""

    style: Literal["none"] = "none"

    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        return draft

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        return None


class Cursor(Placed):
    """The answer holds a token, and the next request carries it.

    Example:
        style: cursor
        next: body.next_cursor
        param: cursor
    """

    style: Literal["cursor"]
    next: OverAnswer
    """The token, such as ``body.next_cursor``. Nothing, an empty text or false ends the pages.

    Example: ``next: body.next_cursor``
    """
    param: Annotated[str, Field(min_length=1)]
    """The parameter that carries it.

    Example: ``param: cursor``
    """

    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        return self.put(draft, {self.param: at["cursor"]}) if at else draft

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        cursor = said.evaluate(self.next, "pagination.next")
        if cursor is None or cursor is False or cursor == "":
            return None
        if self.place != "body" and (isinstance(cursor, (dict, list)) or cursor is True):
            raise AnswerError(
                f"{said.place}: pagination.next: {self.next.text} gives no text or number to put in the {self.place}"
            )
        at = {"cursor": cursor if self.place == "body" else parameter_text(cursor)}
        check_place(at, said)
        return at

    def mark(self, at: Mapping[str, Any]) -> Any:
        return at["cursor"] if at else None


class _ByUrl(Paging):
    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        return draft.at_url(at["url"]) if at else draft

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        found = self.found(said)
        if not found:
            return None
        if not isinstance(found, str):
            raise AnswerError(f"{said.place}: the next page's URL is not text but {kind_of(found)}")
        check_place(found, said)
        from airflow_integrations.http.redaction import url_without_secrets
        from airflow_integrations.http.url import joined

        try:
            following = joined(said.answer.url, found)
        except AnswerError as error:
            raise AnswerError(f"{said.place}: pagination: {error}") from None
        return {"url": url_without_secrets(following, said.answer.redact)}  # it is saved with the place

    @abstractmethod
    def found(self, said: Response) -> Any:
        """The next page's URL; nothing on the last."""

    def mark(self, at: Mapping[str, Any]) -> Any:
        return at["url"] if at else None


class Link(_ByUrl):
    """The next page's URL stands in a ``Link`` header (RFC 8288), as at GitHub or Shopify.

    Example:
        style: link
    """

    style: Literal["link"]
    rel: str = "next"
    """The relation that leads to the next page.

    Example: ``rel: next``
    """

    def found(self, said: Response) -> Any:
        return find_link(said.answer.headers, self.rel)


class NextUrl(_ByUrl):
    """The next page's URL stands in the answer. It may be relative.

    Example:
        style: next_url
        next: body.links.next
    """

    style: Literal["next_url"]
    next: OverAnswer
    """The URL, such as ``body.links.next``. Nothing or an empty text ends the pages.

    Example: ``next: body.links.next``
    """

    def found(self, said: Response) -> Any:
        return said.evaluate(self.next, "pagination.next")


class OData(_ByUrl):
    """OData: the URL in ``@odata.nextLink`` (version 4) or ``odata.nextLink`` (version 3).

    Example:
        style: odata
    """

    style: Literal["odata"]

    def found(self, said: Response) -> Any:
        return said.evaluate(_ODATA_LINK, "the next link") if isinstance(said.names["body"], dict) else None

    def reads(self) -> Iterator[Expression]:
        yield from super().reads()
        yield _ODATA_LINK


class Offset(Counted):
    """The request says how many records to pass over.

    Example:
        style: offset
        param: skip
        size: 250
        size_param: limit
        total: body.total
    """

    style: Literal["offset"]
    param: Annotated[str, Field(min_length=1)] = "offset"
    """The parameter that says how many.

    Example: ``param: skip``
    """
    start: Annotated[int, Field(strict=True, ge=0)] = 0
    """The first page's offset.

    Example: ``start: 1``
    """
    overlap: bool = False
    """Each page begins with the last record of the one before, so that records which moved in between are noticed. For
    APIs that take any offset, not multiples of the page's size alone.

    Example: ``overlap: true``
    """

    @model_validator(mode="after")
    def _looks(self) -> Self:
        if self.overlap and self.repeats:
            raise ValueError("overlap looks for records that moved, and repeats says not to; leave one of them out")
        return self

    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        return self.put(draft, self.sized({self.param: at.get("offset", self.start)}))

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        alone = bool(raw) and len(raw) == self.overlap_at(at) and self.moved(at, said, raw) is None
        if alone or self.is_last(raw, ended):
            return None
        following: dict[str, Any] = {"offset": at.get("offset", self.start) + len(raw)}
        if self.overlap and len(raw) > 1:
            following["offset"] -= 1
            following |= {"first": record_print(raw[0]), "last": record_print(raw[-1])}
        return following

    def overlap_at(self, at: Mapping[str, Any]) -> int:
        return 1 if "last" in at else 0

    def moved(self, at: Mapping[str, Any], said: Response, raw: Sequence[Any]) -> str | None:
        if "last" not in at or (raw and record_print(raw[0]) == at["last"]):
            return None
        told = f"the record at offset {at['offset']} was another when it was asked for again"
        if raw and record_print(raw[0]) == at["first"]:
            told += "; where the API takes only offsets of whole pages, leave pagination.overlap out"
        return told

    def back(self, at: Mapping[str, Any], records: int, length: int) -> tuple[dict[str, Any], int] | None:
        offset = at.get("offset", self.start)
        steps = min(records, offset - self.start)
        return ({"offset": offset - steps}, steps) if steps else None


class PageNumber(Counted):
    """The request says the number of the page.

    Example:
        style: page
        size: 100
        size_param: per_page
        pages: body.total_pages
    """

    style: Literal["page"]
    param: Annotated[str, Field(min_length=1)] = "page"
    """The parameter that says which.

    Example: ``param: p``
    """
    start: Annotated[int, Field(strict=True, ge=0)] = 1
    """The first page's number.

    Example: ``start: 0``
    """
    pages: OverAnswer | None = None
    """How many pages there are, such as ``body.total_pages``.

    Example: ``pages: body.total_pages``
    """

    def place_in(self, draft: RequestTemplate, at: Mapping[str, Any]) -> RequestTemplate:
        return self.put(draft, self.sized({self.param: at.get("page", self.start)}))

    def after(
        self, at: Mapping[str, Any], said: Response, raw: Sequence[Any], ended: bool | None
    ) -> dict[str, Any] | None:
        page = at.get("page", self.start)
        if self.pages is not None:
            pages = whole_number(said, self.pages, "pagination.pages")
            return None if page - self.start + 1 >= pages else {"page": page + 1, "pages": pages}
        return None if self.is_last(raw, ended) else {"page": page + 1}

    def moved(self, at: Mapping[str, Any], said: Response, raw: Sequence[Any]) -> str | None:
        """With ``total`` the route steps back by as many records as have left; without it a page less tells."""
        if self.pages is None or self.total is not None or "pages" not in at:
            return None
        pages = whole_number(said, self.pages, "pagination.pages")
        return f"pagination.pages fell from {at['pages']} to {pages}" if pages < at["pages"] else None

    def back(self, at: Mapping[str, Any], records: int, length: int) -> tuple[dict[str, Any], int] | None:
        page = at.get("page", self.start)
        steps = min(-(-records // max(length, 1)), page - self.start)
        return ({"page": page - steps}, steps * length) if steps else None


Pagination = Annotated[
    Cursor | Keyset | Link | NextUrl | OData | Offset | PageNumber | ByRange | NoPaging, Field(discriminator="style")
]
