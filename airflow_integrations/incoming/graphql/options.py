"""The options of ``incoming: {graphql: …}``, and the requests of the kind ``http`` that they come to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from airflow_integrations.errors import SetupError
from airflow_integrations.expressions import Expression, Sees, Structure, Template
from airflow_integrations.graphql.document import Document, DocumentError, parsed
from airflow_integrations.graphql.options import (
    GraphQLRequest,
    Placed,
    body_definition,
    document_mistakes,
    document_of,
    text_of_query,
    where_of,
)
from airflow_integrations.incoming.graphql.details import GraphQLDetails, details_as_http
from airflow_integrations.incoming.http.details import Details
from airflow_integrations.incoming.http.options import HttpIncomingConfig
from airflow_integrations.incoming.http.pagination import Cursor

__all__ = ["GraphQLIncomingConfig", "as_http", "details_of", "query_mistakes"]

_THROTTLED = 'any([e.extensions.code == "THROTTLED" for e in body.errors or []])'


class GraphQLIncomingConfig(GraphQLRequest):
    """Entities of a GraphQL API.

    Example:
        connection: shop
        query: |
          query ($after: String, $filter: String) {
            orders(first: 50, after: $after, query: $filter) {
              nodes { id name updatedAt }
              pageInfo { hasNextPage endCursor }
            }
          }
        variables: {filter: 'f"updated_at:>={window.start}"'}
        records: orders
    """

    variables: Annotated[Structure, Sees("run")] | None = None
    """The variables of the operation, in the grammar of ``map``.

    Example:
        variables: {status: var.status}
        query: "query ($status: String) { orders(status: $status) { id } }"
    """
    records: Annotated[str, Field(pattern=r"^[_A-Za-z]\w*(\.[_A-Za-z]\w*)*$", max_length=300)]
    """Where the answer's data has the entities: a list, or a connection with ``nodes`` or ``edges``, whose pages are
    followed.

    Example: ``records: orders``
    """
    after: Annotated[str, Field(pattern=r"^[_A-Za-z]\w*$", max_length=100)] = "after"
    """The variable that takes the cursor of the page before.

    Example: ``after: cursor``
    """
    headers: dict[str, Annotated[Template, Sees("run", flavor="header")]] = Field(default_factory=dict)
    """Headers besides the Connection's.

    Example: ``headers: {X-Shop: eu}``
    """
    details: GraphQLDetails | None = None
    """For events that hold only an id: a query for each, instead of what the event says. A listed entity of which a
    list inside came cut is asked for by it, too.

    Example:
        query: |
          query Orders ($after: String) {
            orders(first: 50, after: $after) { nodes { ...Whole } pageInfo { hasNextPage endCursor } }
          }
          query Order ($id: ID!) { order(id: $id) { ...Whole } }
          fragment Whole on Order { id name updatedAt }
        operation: Orders
        records: orders
        details: {operation: Order, variables: {id: item.id}, record: order}
    """

    @model_validator(mode="after")
    def _names_its_operation(self) -> Self:
        if self.details is not None and self.operation is None:
            raise ValueError("the document has an operation for details as well; write operation: the one that lists")
        return self


def details_of(config: GraphQLIncomingConfig) -> Details:
    """The details as those of the kind ``http``. Raises SetupError where the document cannot be sent."""
    details = config.details
    assert details is not None
    text, _ = document_of(config)
    body = body_definition(config.model_copy(update={"operation": details.operation}), text, details.variables)
    return details_as_http(details, config.path, config.headers, body, _THROTTLED)


def as_http(config: GraphQLIncomingConfig) -> HttpIncomingConfig:
    """The same as options of the kind ``http``. Raises SetupError where the document cannot be sent."""
    text, document = document_of(config)
    steps = "".join(f'["{step}"]' for step in config.records.split("."))
    at = f"body.data{steps}"
    fields = document.at(config.records) or {}
    options: dict[str, Any] = {
        "connection": config.connection,
        "method": "POST",
        "path": Template(config.path, "run", "path"),
        "headers": {"Accept": "application/json", **config.headers},
        "body": body_definition(config, text, config.variables),
        "error_when": "body.errors",
        "retry_when": _THROTTLED,
    }
    if "nodes" in fields:
        records = f"{at}.nodes"
    elif "edges" in fields:
        records = f"[edge.node for edge in {at}.edges]"
    else:
        return HttpIncomingConfig(**options, records=Expression(at, "answer"))
    paging: dict[str, Any] = {}
    if config.after in document.variables:
        paging = {
            "pagination": Cursor(
                style="cursor",
                next=Expression(f"{at}.pageInfo.endCursor", "answer"),
                param=f"variables.{config.after}",
                place="body",
                more=Expression(f"{at}.pageInfo.hasNextPage", "answer"),
            )
        }
    return HttpIncomingConfig(**options, **paging, records=Expression(records, "answer"))


def query_mistakes(config: GraphQLIncomingConfig) -> Iterator[Placed]:
    """What is wrong with the document and what is read of its answers."""
    found = list(document_mistakes(config, config.variables, kind="query", given=frozenset({config.after})))
    yield from found
    try:
        document = parsed(text_of_query(config), config.operation)
    except (DocumentError, SetupError):  # told above
        return
    yield from _of_records(config, document)
    if config.details is not None:
        yield from _of_details(config, config.details)


def _of_details(config: GraphQLIncomingConfig, details: GraphQLDetails) -> Iterator[Placed]:
    request = config.model_copy(update={"operation": details.operation})
    wrong = list(document_mistakes(request, details.variables, kind="query"))
    for place, text in wrong:
        yield ("details", *(("operation",) if place == (where_of(config),) else place)), text
    if not wrong:
        document = parsed(text_of_query(config), details.operation)
        if document.at(details.record) is None:
            asked = ", ".join(document.roots())
            why = f"{details.operation} asks for no {details.record}; its fields are {asked}"
            yield ("details", "record"), why
        for cut in document.cut_lists(None):
            why = f"{details.operation} asks for a part of {cut} and not whether there is more; add pageInfo "
            yield ("details", "operation"), f"{why}{{ hasNextPage }}"


def _of_records(config: GraphQLIncomingConfig, document: Document) -> Iterator[Placed]:
    fields = document.at(config.records)
    if fields is None:
        yield ("records",), f"the query asks for no {config.records}; its fields are {', '.join(document.roots())}"
        return
    if fields.keys() & {"nodes", "edges"}:
        info = document.at(f"{config.records}.pageInfo") or {}
        missing = [name for name in ("hasNextPage", "endCursor") if name not in info]
        if missing:
            asked = f"pageInfo {{ {' '.join(missing)} }}"
            why = f"{config.records} has pages, and the query does not ask for {asked}: only the first would be read"
            yield ("records",), why
        elif config.after not in document.variables:
            why = f"{config.records} has pages, and no variable takes their cursor: write after: ${config.after} in "
            why += f"the query, and ${config.after}: String in its head"
            yield ("records",), why
        if "edges" in fields and "nodes" not in fields and document.at(f"{config.records}.edges.node") is None:
            yield ("records",), f"{config.records}.edges has no node"
    for place in document.cut_lists(config.records):
        why = f"the query asks for a part of {place} and not whether there is more; add pageInfo {{ hasNextPage }}: "
        why += "an entity with more is rejected then, and not read as complete"
        yield (where_of(config),), why
