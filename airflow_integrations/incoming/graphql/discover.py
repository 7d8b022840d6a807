"""What there is at a GraphQL endpoint, by its own schema: connections and lists, and the fields of their nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_integrations.discovery import Bounds, Collection, DiscoveredField, Discovery, Meaning
from airflow_integrations.discovery.guesses import cursor_candidates, guessed_key
from airflow_integrations.errors import SetupError
from airflow_integrations.graphql.online import NoSchemaError, schema_of

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient

__all__ = ["discovered"]

PATH = "/graphql"
PAGE = 50
_MEANINGS: dict[str, Meaning] = {
    "Int": "integer", "Float": "number", "Boolean": "boolean", "ID": "string", "String": "string",
    "DateTime": "datetime", "Date": "date", "Time": "time", "Decimal": "string", "Money": "string",
}  # fmt: skip


async def discovered(client: HttpClient, place: str | None, bounds: Bounds) -> Discovery | str:
    """``place``: the endpoint's path, with ``#`` and the name of one list. A text says why there is no schema."""
    path, _, wanted = (place or PATH).partition("#")
    if not path.startswith("/"):
        return f"{path} is not the path of an endpoint"
    try:
        schema = await schema_of(client, path)
    except NoSchemaError as error:
        return f"POST {path}: the endpoint does not tell its schema: {error}"
    query = schema.query_type
    listed = [_list(path, name, field, bounds) for name, field in sorted((query.fields if query else {}).items())]
    made = [each for each in listed if each is not None]
    if wanted:
        made = [each for each in made if each.name == f"{path}#{wanted}"]
        if not made:
            raise SetupError(f"the endpoint has no list {wanted}")
    elif bounds.after is not None:
        made = [each for each in made if each.name > bounds.after]
    return Discovery("graphql", tuple(made[: bounds.most]), left_out=max(len(made) - bounds.most, 0))


def _list(path: str, name: str, field: Any, bounds: Bounds) -> Collection | None:
    """A field of the query that gives many: a connection, or a list of objects."""
    from graphql import GraphQLObjectType, get_named_type, get_nullable_type, is_list_type

    named = get_named_type(field.type)
    if not isinstance(named, GraphQLObjectType):
        return None
    node: Any
    if is_list_type(get_nullable_type(field.type)):
        node, nodes = named, None
    else:
        nodes = next((each for each in ("nodes", "edges") if each in named.fields), None)
        if nodes is None:
            return None
        node = get_named_type(named.fields[nodes].type)
        if nodes == "edges":
            inner = getattr(node, "fields", {}).get("node")
            node = get_named_type(inner.type) if inner is not None else None
        if not isinstance(node, GraphQLObjectType):
            return None
    fields = tuple(_fields(node))
    key = guessed_key(fields)
    arguments = sorted(field.args)
    about = {"type": node.name, "arguments": ", ".join(arguments)} if arguments else {"type": node.name}
    needed = [each for each in _needed(field) if each not in ("first", "after")]
    if needed:
        about["needs"] = ", ".join(needed)
    paged = nodes is not None and "pageInfo" in named.fields and {"first", "after"} <= set(field.args)
    query = _query(name, fields, nodes, field) if paged or nodes is None else None
    return Collection(
        f"{path}#{name}",
        "connection" if nodes is not None else "list",
        fields[: bounds.fields],
        key,
        tuple(cursor_candidates(fields, key, None, ())),
        guessed=("key",) if key else (),
        about=about,
        incoming={"path": path, "query": query, "records": name} if query and not needed and key else None,
    )


def _needed(field: Any) -> Iterator[str]:
    from graphql import is_required_argument

    for name, argument in sorted(field.args.items()):
        if is_required_argument(argument):
            yield name


def _query(name: str, fields: tuple[DiscoveredField, ...], nodes: str | None, field: Any) -> str:
    plain = " ".join(each.name for each in fields if each.leads_to is None)
    if nodes is None:
        return f"query {{ {name} {{ {plain} }} }}"
    inner = f"nodes {{ {plain} }}" if nodes == "nodes" else f"edges {{ node {{ {plain} }} }}"
    of_cursor = field.args["after"].type
    return (
        f"query ($after: {of_cursor}) {{ {name}(first: {PAGE}, after: $after) "
        f"{{ {inner} pageInfo {{ hasNextPage endCursor }} }} }}"
    )


def _fields(node: Any) -> Iterator[DiscoveredField]:
    from graphql import get_named_type, is_leaf_type, is_list_type, is_non_null_type, is_required_argument

    for name, field in node.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        named = get_named_type(field.type)
        leaf = is_leaf_type(named)
        listed = is_list_type(getattr(field.type, "of_type", field.type)) or is_list_type(field.type)
        meaning: Meaning = "list" if listed else _MEANINGS.get(named.name, "any") if leaf else "object"
        nullable = not is_non_null_type(field.type)
        target = None if leaf else named.name
        yield DiscoveredField(name, str(field.type), meaning, nullable, apart=not leaf, leads_to=target)
