"""Checks the names and types in a route's options against the service's own model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import IntegrationError
from airflow_integrations.formats import ContentError
from airflow_integrations.odata.literals import EdmType
from airflow_integrations.odata.model import EntityType, ServiceModel, model_of
from airflow_integrations.odata.typed import TypedExpression

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient

__all__ = [
    "Placed",
    "asked_model",
    "body_checks",
    "filter_checks",
    "key_checks",
    "name_checks",
    "service_model",
    "typed_checks",
    "value_check",
]

Placed = tuple[tuple[int | str, ...], str]

_NUMBERS = frozenset({"int", "int64", "decimal", "double"})
_EDM: Mapping[str, frozenset[str]] = {
    "Edm.String": frozenset({"string"}),
    "Edm.Boolean": frozenset({"boolean"}),
    "Edm.Guid": frozenset({"guid"}),
    "Edm.Date": frozenset({"date"}),
    "Edm.DateTime": frozenset({"datetime"}),
    "Edm.DateTimeOffset": frozenset({"datetimeoffset"}),
    "Edm.TimeOfDay": frozenset({"time"}),
    "Edm.Time": frozenset({"time"}),
    "Edm.Duration": frozenset({"duration"}),
    **dict.fromkeys(("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"), _NUMBERS),
    **dict.fromkeys(("Edm.Decimal", "Edm.Double", "Edm.Single"), _NUMBERS),
}
"""The types that a literal of a property's type may have."""
_WORDS = frozenset(("and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in", "has", "add", "sub", "mul", "div"))
_WORDS |= {"divby", "mod", "true", "false", "null", "INF", "NaN", "asc", "desc"}
_TOKENS = re.compile(r"'(?:[^']|'')*'|@\w+|[^\W\d][\w/.$]*|\d[\w.:+-]*")
_COMPARED = re.compile(r"([^\W\d][\w/]*) +(?:eq|ne|gt|ge|lt|le) +@(\w+)")


async def service_model(client: HttpClient) -> ServiceModel | str:
    """What the service says of itself, or why that cannot be had."""
    try:
        return await asked_model(client)
    except IntegrationError as error:
        return f"the service cannot be asked for its model: {error}"


async def asked_model(client: HttpClient) -> ServiceModel | str:
    """The same. Raises what the client raises."""
    from airflow_integrations.http import Request
    from airflow_integrations.http.errors import reason_phrase

    asked = Request("GET", "/$metadata", (), {"Accept": "application/xml"}, None, None, repeatable=True)
    answer = await client.send(asked)
    remedy = "the Connection's address has to be the root of the service"
    if not 200 <= answer.status < 300:
        return f"the service does not tell its model: GET /$metadata: {reason_phrase(answer.status)}; {remedy}"
    try:
        return model_of(answer.content)
    except ContentError as error:
        return f"the service's model cannot be read: {answer.redact(str(error))}; {remedy}"


def name_checks(
    model: ServiceModel, type_: EntityType, place: tuple[int | str, ...], paths: Iterable[str]
) -> Iterator[Placed]:
    """Names of properties in a list, behind what they are ordered by or expanded with."""
    for number, text in enumerate(paths):
        path = re.split(r"[ (]", text, maxsplit=1)[0]
        if why := model.wrong(type_, path):
            yield (*place, number), why


def filter_checks(
    model: ServiceModel, type_: EntityType, text: str, values: Mapping[str, TypedExpression]
) -> Iterator[Placed]:
    """Names of properties in a filter, and the types of values that they are compared with."""
    ours: set[str] = set()
    for match in _TOKENS.finditer(text):
        token, behind = match.group(0), text[match.end() : match.end() + 2]
        if token[0] in "'@" or token[0].isdigit() or token in _WORDS or "." in token or token[0] == "$":
            continue
        if behind[:1] == ":":  # a variable of any(line: …)
            ours.add(token)
        elif behind[:1] not in ("(", "'") or "/" in token:
            path = token.rpartition("/")[0] if behind[:1] == "(" else token
            if path.split("/")[0] not in ours and (why := model.wrong(type_, path)):
                yield ("filter",), why
    for path, name in _COMPARED.findall(text):
        if name in values and path.split("/")[0] not in ours:
            yield from value_check(model, type_, path, values[name], ("values", name))


def typed_checks(
    model: ServiceModel, type_: EntityType, place: str, values: Mapping[str, TypedExpression]
) -> Iterator[Placed]:
    """Properties and the values that they are to have, as in ``key`` and ``find``."""
    for path, typed in values.items():
        if why := model.wrong(type_, path):
            yield (place, path), why
        else:
            yield from value_check(model, type_, path, typed, (place, path))


def key_checks(
    model: ServiceModel, type_: EntityType, place: str, key: Mapping[str, TypedExpression]
) -> Iterator[Placed]:
    """The properties of a key: those that the model has, all of them, with values of their types."""
    yield from typed_checks(model, type_, place, key)
    if key and type_.key and set(key) <= type_.properties.keys() and set(key) != set(type_.key):
        yield (place,), f"the service's model: the key is {', '.join(type_.key)}"


def value_check(
    model: ServiceModel,
    type_: EntityType,
    path: str,
    value: TypedExpression | EdmType,
    place: tuple[int | str, ...],
) -> Iterator[Placed]:
    """Whether a value is written as a literal of its property's type."""
    edm = model.edm(type_, path)
    allowed = _EDM.get(edm or "")
    if allowed is None:
        return
    type_named = value.type if isinstance(value, TypedExpression) else value
    if type_named is None and edm == "Edm.Guid" and isinstance(value, TypedExpression):
        yield place, f"the service's model: {path} is {edm}; write {{value: {value.text}, type: guid}}"
    elif type_named is not None and type_named not in allowed:
        fits = " or ".join(sorted(allowed))
        yield place, f"the service's model: {path} is {edm}; its type is {fits} here, not {type_named}"


def body_checks(
    model: ServiceModel, type_: EntityType, made: Mapping[str, Any], place: tuple[int | str, ...]
) -> Iterator[Placed]:
    """Names in a body, as far as the route's text tells them."""
    for name, inner in made.items():
        if "@" in name:
            continue
        if why := model.wrong(type_, name):
            yield (*place, name), why
            continue
        target = type_.navigations.get(name) or type_.properties.get(name)
        below = model.entity_type(target) if target else None
        if below is None or not isinstance(inner, Mapping):
            continue
        if set(inner) == {"*"}:
            if isinstance(inner["*"], Mapping):
                yield from body_checks(model, below, inner["*"], (*place, name, "map"))
        else:
            yield from body_checks(model, below, inner, (*place, name))
