"""The names that expressions and templates see, by the place they stand in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["AIRFLOW_NAMES", "SCOPES", "Flavor", "Scope", "Sees", "field_holder", "scope_names"]

Flavor = Literal["path", "query", "header", "text"]

ENTITY = "<entity>"
LOOKUPS = "<lookup>"


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of one scope, each with one line of documentation.

    Two are stand-ins: ``<entity>`` for the route's ``entity.name`` and ``<lookup>`` for the lookups that ran before.
    """

    doc: str
    names: MappingProxyType[str, str]


def _scope(doc: str, *inherited: Scope, **names: str) -> Scope:
    joined: dict[str, str] = {}
    for scope in inherited:
        joined.update(scope.names)
    joined.update({name.replace("__entity", ENTITY).replace("__lookup", LOOKUPS): text for name, text in names.items()})
    return Scope(doc, MappingProxyType(joined))


_SENT = "the values of the entities in the request, a list"
_RUN = _scope(
    "one run of the route",
    window="the run's stretch of time: `window.start` (belongs to it) and `window.end` (does not), both in UTC",
    params="the route's params: their defaults, overlaid with what the run was given",
    var="Airflow Variables, read when the task runs: `var.name`",
)
_ENTITY = _scope(
    "one entity",
    _RUN,
    __entity="the entity, under the name that `entity.name` gives it; after a map, the new one",
    source="the entity as it was fetched (after split: the part it came from)",
    __lookup="what each lookup before this place found, under the lookup's name",
)
_ANSWER = _scope(
    "one answer of the other system",
    _RUN,
    status="the HTTP status, a whole number",
    headers='the answer\'s headers, by lower-case name: `headers["x-total-count"]`',
    body="the decoded body",
    request="the request that was answered: `request.method`, `request.url`",
)
_AT_TARGET = _scope(
    "one entity and what is known of it at the target",
    _ENTITY,
    target_id="what the target called it when it was delivered, where its answer told; null where it is not there",
    delivered="whether the target has it, as far as is known: it was delivered, and not deleted there since",
)
_REQUEST = _scope(
    "one request of outgoing; with delivery.batch above 1 it carries many entities and sees only `entities` of them",
    _AT_TARGET,
    entities=_SENT,
)

SCOPES: MappingProxyType[str, Scope] = MappingProxyType(
    {
        "run": _RUN,
        "entity": _ENTITY,
        "answer": _ANSWER,
        "event": _scope(
            "one event from outside, as it came",
            params="the route's params with their defaults",
            headers="the headers of the request or message, by lower-case name",
            query="the parameters of the request's address; of a message: empty",
            body="the decoded body",
            subject="the address it came to: the webhook's path, the topic, routing key or name of the file",
        ),
        "file": _scope(
            "one file of incoming",
            _RUN,
            body="the decoded content; of a format that is read record by record: the list of some records",
            file="the file: `file.name`, `file.path`, `file.size` in bytes, `file.modified` as RFC 3339 or null",
        ),
        "written_file": _scope(
            "one file of outgoing; with per: run it holds many entities and sees none of them",
            _ENTITY,
            key="the entity's key",
            sequence="a number that no other file of the route has: it counts up from run to run",
        ),
        "item": _scope("one element of an answer's list", _ANSWER, item="the element"),
        "batch_answer": _scope("the answer to one request of outgoing", _ANSWER, entities=_SENT),
        "result": _scope(
            "one result in the answer to one request of outgoing", _ANSWER, entities=_SENT, item="the result"
        ),
        "part": _scope(
            "one element of the list that an entity is split by", _ENTITY, item="the element; the entity is still whole"
        ),
        "question": _scope(
            "one request of a lookup, or what it compares; with batch a request sees only `ids` of the entities",
            _ENTITY,
            item="the element of `each`, where the lookup has one",
            ids="with batch: the keys that the request asks for, a list of texts",
        ),
        "batch": _scope("the entities of one request", _RUN, entities="the entities' values, a list"),
        "request": _REQUEST,
        "target": _scope("one entity and what the target already has", _REQUEST, target="what the upsert's find found"),
        "deletion": _scope(
            "one entity that the source no longer has, in its last known state",
            _ENTITY,
            key="the entity's key",
            target_id="what the target called it when it was delivered, where its answer told",
        ),
        "at_target": _AT_TARGET,
        "found": _scope("one entity and the target's answer to the question for it", _AT_TARGET, _ANSWER),
    }
)
"""Scope name to what is visible in it."""

AIRFLOW_NAMES: MappingProxyType[str, str] = MappingProxyType(
    {
        "data_interval_start": "window.start",
        "data_interval_end": "window.end",
        "logical_date": "window.start",
        "execution_date": "window.start",
        "ds": "window.start | date",
        "ds_nodash": "window.start | format('YYYYMMDD')",
        "ts": "window.start",
        "ts_nodash": "window.start | format('YYYYMMDD[T]HHmmss')",
        "conf": "params",
        "dag_run": "params",
    }
)
"""Names that Airflow's own templates have, and what stands for them here."""


_HOLDERS = {
    "answer": "body",
    "batch_answer": "body",
    "event": "body",
    "file": "body",
    "found": "body",
    "item": "item",
    "result": "item",
    "part": "item",
}


def field_holder(scope: str, entity_name: str) -> str | None:
    """The name whose field a bare word most likely is, such as ``body`` in an answer; None in a run's scope."""
    return None if scope in ("run", "batch") else _HOLDERS.get(scope, entity_name)


def scope_names(scope: str, entity_name: str = "entity", lookups: Iterable[str] = ()) -> frozenset[str]:
    """The names visible in a scope, with the stand-ins replaced. Raises KeyError for an unknown scope."""
    names = set(SCOPES[scope].names)
    if ENTITY in names:
        names.remove(ENTITY)
        names.add(entity_name)
    if LOOKUPS in names:
        names.remove(LOOKUPS)
        names.update(lookups)
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Sees:
    """Says in a field's annotation what its expression or template sees, and how a template's values are written.

    ``Annotated[Expression, Sees("entity")]``, ``Annotated[Template, Sees("run", flavor="path")]``.
    """

    scope: str
    flavor: Flavor = "text"

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(f"no scope {self.scope!r}; one of {', '.join(SCOPES)}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        several = get_origin(source) in (Union, UnionType)
        schema: CoreSchema = (get_args(source)[0] if several else source).__pydantic_schema_seeing__(self)
        return _one_or_several(schema) if several else schema


def _one_or_several(one: CoreSchema) -> CoreSchema:
    """For ``Texts``: a list is told from one text by what is written, so that a mistake is told once."""
    return core_schema.tagged_union_schema(
        {"one": one, "several": core_schema.tuple_variable_schema(one, min_length=1)},
        discriminator=lambda value: "several" if isinstance(value, (list, tuple)) else "one",
    )
