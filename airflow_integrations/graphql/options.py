"""Options of a GraphQL request, which all kinds share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from airflow_integrations.config.file_reference import FileReference
from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import SetupError
from airflow_integrations.expressions import Structure
from airflow_integrations.graphql.document import Document, DocumentError, parsed

__all__ = [
    "GraphQLDocument",
    "GraphQLRequest",
    "Placed",
    "body_definition",
    "document_mistakes",
    "document_of",
    "text_of_query",
    "where_of",
]

Placed = tuple[tuple[int | str, ...], str]
MOST_BYTES = 200_000


class GraphQLDocument(Model):
    """One operation."""

    query: Annotated[str, Field(min_length=1)] | None = None
    """The document: an operation, with its fragments. Values are passed as ``variables``.

    Example: ``query: "query { orders(first: 50) { nodes { id } } }"``
    """
    query_file: FileReference | None = None
    """A file with the document, beside the route.

    Example: ``query_file: graphql/orders.graphql``
    """
    operation: Annotated[str, Field(pattern=r"^[_A-Za-z]\w*$", max_length=200)] | None = None
    """Which operation is sent, where the document has several.

    Example:
        operation: Orders
        query: "query Orders { orders { id } }"
    """

    @model_validator(mode="after")
    def _one_document(self) -> Self:
        if (self.query is None) == (self.query_file is None):
            raise ValueError("write either query or query_file, and exactly one of them")
        if self.query is not None and ("{{" in self.query or "{%" in self.query):
            raise ValueError(
                "values are passed as variables, not pasted into the query: query ($id: ID!) { … }, variables: {id: …}"
            )
        return self


class GraphQLRequest(GraphQLDocument):
    """One operation, and where it is sent."""

    connection: ConnectionId
    """The Airflow Connection.

    Example:
        connection: shop
        query: "query Orders { orders { id } }"
    """
    path: Annotated[str, Field(pattern=r"^(/[^\s{}?#]*)?$", max_length=300)] = ""
    """What follows the Connection's address, where that is not the endpoint itself.

    Example:
        path: /graphql
        query: "query Orders { orders { id } }"
    """


def text_of_query(request: GraphQLDocument) -> str:
    """The document's text. Raises DocumentError where its file cannot be read."""
    if request.query is not None:
        return request.query
    assert request.query_file is not None
    try:
        with request.query_file.path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise DocumentError(f"{request.query_file.text} has over {MOST_BYTES} bytes")
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{request.query_file.text} cannot be read: {error}") from None


def document_of(request: GraphQLDocument) -> tuple[str, Document]:
    """Its text and what it asks for. Raises SetupError where it cannot be sent."""
    try:
        text = text_of_query(request)
        return text, parsed(text, request.operation)
    except DocumentError as error:
        raise SetupError(f"{where_of(request)}: {error}") from None


def where_of(request: GraphQLDocument) -> str:
    return "query" if request.query is not None else "query_file"


def body_definition(request: GraphQLDocument, text: str, variables: Structure | None) -> dict[str, Any]:
    """The body of the request, in the grammar of ``map``."""
    body: dict[str, Any] = {"query": {"const": text}}
    if request.operation is not None:
        body["operationName"] = {"const": request.operation}
    body["variables"] = {"const": {}} if variables is None else variables.definition
    return body


def document_mistakes(
    request: GraphQLDocument, variables: Structure | None, *, kind: str, given: frozenset[str] = frozenset()
) -> Iterator[Placed]:
    """What is wrong with a document and the variables for it. ``given`` are variables that the kind itself passes."""
    try:
        document = parsed(text_of_query(request), request.operation)
    except (DocumentError, SetupError) as error:
        yield (where_of(request),), str(error)
        return
    if document.kind != kind:
        yield (where_of(request),), f"a {kind} belongs here, and this is a {document.kind}"
        return
    passed = variables.definition if variables is not None else {}
    if not isinstance(passed, dict):
        return
    names = {str(name).removesuffix("?") for name in passed}
    for name in sorted(names - document.variables):
        yield ("variables", name), f"the operation declares no variable ${name}"
    for name in sorted(document.needed - names - given):
        yield ("variables",), f"the operation needs ${name}; write variables: {{{name}: …}}"
