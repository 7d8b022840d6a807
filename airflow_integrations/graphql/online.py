"""Checks a document against the schema that its endpoint tells of itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import IntegrationError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.answer import decode_json
from airflow_integrations.formats.json import encode
from airflow_integrations.graphql.answers import USER_ERRORS, errors_of, told
from airflow_integrations.graphql.document import Document, DocumentError, parsed
from airflow_integrations.graphql.options import GraphQLDocument, Placed, text_of_query, where_of

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from airflow_integrations.http import HttpClient

__all__ = ["NoSchemaError", "check", "schema_of"]

MOST_TOLD = 20


class NoSchemaError(Exception):
    """The endpoint does not tell its schema."""


async def schema_of(client: HttpClient, path: str) -> GraphQLSchema:
    """Raises NoSchemaError where there is none to be had, and what the client raises."""
    from graphql import get_introspection_query

    from airflow_integrations.http import Request

    body = encode({"query": get_introspection_query(descriptions=False)})
    asked = Request("POST", path, (), {"Accept": "application/json"}, body, "application/json", repeatable=True)
    answer = await client.send(asked)
    try:
        said = decode_json(answer.content)
    except ContentError as error:
        raise NoSchemaError(f"{answer.status}, and {error}") from None
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, dict) or errors_of(said):
        raise NoSchemaError(told(errors_of(said)) or f"it answered {answer.status} without data")
    return _built(encode(data))


@lru_cache(maxsize=4)
def _built(data: bytes) -> GraphQLSchema:
    from graphql import build_client_schema

    try:
        return build_client_schema(decode_json(data))
    except Exception as error:  # an introspection that is none
        raise NoSchemaError(f"its schema cannot be read: {str(error)[:200]}") from None


async def check(request: GraphQLDocument, client: HttpClient, path: str) -> list[Placed]:
    """What is wrong with the document by the schema of the endpoint."""
    place = (where_of(request),)
    try:
        document = parsed(text_of_query(request), request.operation)
    except (DocumentError, IntegrationError):
        return []  # told without asking anybody
    try:
        schema = await schema_of(client, path)
    except IntegrationError as error:
        return [(place, f"the endpoint cannot be asked for its schema: {error}")]
    except NoSchemaError:
        return []  # many endpoints tell none: nothing is known of the document then
    return [(place, text) for text in _wrong(schema, document)]


def _wrong(schema: GraphQLSchema, document: Document) -> Iterator[str]:
    from graphql import validate

    errors = validate(schema, document.node)
    for error in errors[:MOST_TOLD]:
        at = error.locations[0] if error.locations else None
        yield f"the endpoint's schema: {error.message}{f' (line {at.line}, column {at.column})' if at else ''}"
    if document.kind == "mutation" and not errors:
        yield from _unasked(schema, document)


def _unasked(schema: GraphQLSchema, document: Document) -> Iterator[str]:
    """Mutations that tell refusals in a field which the document does not ask for."""
    from graphql import get_named_type

    fields = schema.mutation_type.fields if schema.mutation_type else {}
    for name, node in document.roots().items():
        found: Any = fields.get(node.name.value)
        payload = getattr(get_named_type(found.type), "fields", {}) if found is not None else {}
        asked = document.at(name) or {}
        names = {selected.name.value for selected in asked.values()}
        for errors in USER_ERRORS[:-1]:
            if errors in payload and errors not in names:
                yield (
                    f"{name} tells refusals in {errors}, and the mutation does not ask for it: a refused entity would "
                    f"look like a delivered one; add {errors} {{ field message }}"
                )
