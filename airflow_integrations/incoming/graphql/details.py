"""A query for one entity: for events that hold little more than an id, and for listed entities that came cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from airflow_integrations.config.model import Model
from airflow_integrations.expressions import Expression, Sees, Structure, Template
from airflow_integrations.incoming import Unfinished
from airflow_integrations.incoming.graphql.cut_lists import cut_reason
from airflow_integrations.incoming.http.details import Details, DetailsCompleter

if TYPE_CHECKING:
    pass

__all__ = ["GraphQLCompleter", "GraphQLDetails", "details_as_http"]


class GraphQLDetails(Model):
    """The operation that asks for one entity. It stands in the same document as the operation that lists them, so that
    both may share fragments."""

    operation: Annotated[str, Field(pattern=r"^[_A-Za-z]\w*$", max_length=200)]
    """The name of the operation in the document.

    Example: ``operation: Order``
    """
    variables: Annotated[Structure, Sees("item")] | None = None
    """The variables of the operation, in the grammar of ``map``. ``item`` is a record of the event.

    Example: ``variables: {id: item.id}``
    """
    record: Annotated[str, Field(pattern=r"^[_A-Za-z]\w*(\.[_A-Za-z]\w*)*$", max_length=300)]
    """Where the answer's data has the entity.

    Example: ``record: order``
    """
    missing: Literal["fail", "skip", "delete"] = "fail"
    """What happens where the answer has null there: the event's item is rejected, or left out, or it was deleted, and
    is deleted at the target as well, if that has it.

    Example: ``missing: skip``
    """
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Requests under way at once; the Connection's own limit holds as well.

    Example: ``concurrency: 8``
    """


def details_as_http(
    details: GraphQLDetails, path: str, headers: Mapping[str, Template], body: dict[str, Any], retry_when: str
) -> Details:
    """The same as details of the kind ``http``."""
    at = "body.data" + "".join(f'["{step}"]' for step in details.record.split("."))
    return Details(
        method="POST",
        path=Template(path, "item", "path"),
        headers={"Accept": "application/json", **{name: _of_item(text) for name, text in headers.items()}},
        body=Structure(body, "item"),
        record=Expression(at, "item"),
        gone_when=Expression(f"{at} is None", "item"),
        missing=details.missing,
        concurrency=details.concurrency,
        events=True,
        error_when=Expression("body.errors", "item"),
        retry_when=Expression(retry_when, "item"),
    )


def _of_item(text: Template) -> Template:
    return Template(text.text, "item", "header")


class GraphQLCompleter(DetailsCompleter):
    """Asks for whole entities; one of which a list inside came cut is not taken for a whole one."""

    async def complete(self, items: Sequence[Any]) -> list[Any]:
        """As :meth:`DetailsCompleter.complete`."""
        found = await super().complete(items)
        for place, (item, record) in enumerate(zip(items, found, strict=True)):
            if isinstance(record, dict) and (reason := cut_reason(record)) is not None:
                found[place] = Unfinished(item, reason)
        return found
