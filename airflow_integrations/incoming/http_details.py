"""A request for each listed item, a few at a time, in the order of the list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions import Expression, Sees, Structure, Template
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.incoming.http_asking import Asking, Said
from airflow_integrations.incoming.http_draft import Draft
from airflow_integrations.incoming.http_method import Method

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient

__all__ = ["Details", "fetch_details"]

_ABSENT = object()


class Details(AnswerFormat):
    """One request for each item of the list. Its texts see ``item`` besides the list's answer."""

    method: Method = "GET"
    """The request's method."""
    path: Annotated[Template, Sees("item", flavor="path")]
    """Such as ``/orders/{{ item.id }}``."""
    query: dict[str, Annotated[Template, Sees("item", flavor="query")]] = Field(default_factory=dict)
    """Names and values behind the ``?``."""
    headers: dict[str, Annotated[Template, Sees("item", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's."""
    body: Annotated[Structure, Sees("item")] | None = None
    """A JSON body in the grammar of ``map``."""
    form: dict[str, Annotated[Template, Sees("item")]] | None = None
    """Fields of a form instead."""
    body_text: Annotated[Template, Sees("item")] | None = None
    """Text instead."""
    record: Annotated[Expression, Sees("item")] = Expression("body", "item")
    """What of the answer is kept; ``body``, ``status`` and ``headers`` are those of the item's own answer."""
    into: str | None = None
    """The field of the listed item that takes it. Without one it takes the item's place."""
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Requests under way at once; the Connection's own limit holds as well."""
    missing: Literal["fail", "keep", "skip"] = "fail"
    """What happens where the answer is 404 or 410: the run fails, or the listed item is kept or left out."""
    error_when: Annotated[Expression, Sees("item")] | None = None
    """True for an answer that says 200 and means an error."""
    retry_when: Annotated[Expression, Sees("item")] | None = None
    """True for an answer that means *later*."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("body", "form", "body_text") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"a request has one body; found {' and '.join(given)}")
        return self


async def fetch_details(details: Details, client: HttpClient, listed: Said, items: list[Any]) -> list[Any]:
    """The items with their details, in order. The first error ends the others and is raised."""
    records: list[Any] = [_ABSENT] * len(items)
    waiting = iter(enumerate(items))

    async def work() -> None:
        for index, item in waiting:  # one iterator for all workers
            records[index] = await _one(details, client, listed.names, item)

    workers = [asyncio.create_task(work()) for _ in range(min(details.concurrency, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [record for record in records if record is not _ABSENT]


async def _one(details: Details, client: HttpClient, names: Mapping[str, Any], item: Any) -> Any:
    names = {**names, "item": item}
    request = Draft.render(details, names, _error).request()
    asking = Asking(client, names, details, details.error_when, details.retry_when)
    if details.missing == "fail":
        said = await asking.ask(request)
    else:
        found = await asking.ask_maybe(request)
        if found is None:
            return item if details.missing == "keep" else _ABSENT
        said = found
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
