"""Paths of ``set``, ``rename`` and ``drop`` that begin with the entity's name, though paths begin below the entity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_integrations.entity import kind_of_version
from airflow_integrations.route.checks.entity_fields import Fields, fields_behind
from airflow_integrations.route.checks.names import Loc, StageNames, expressions_of
from airflow_integrations.route.checks.unknown_names import readings

if TYPE_CHECKING:
    from airflow_integrations.route.definition import EntityOptions

__all__ = ["cursor_mistakes", "path_mistakes"]

_MAKES_ANYTHING = frozenset({"python", "split"})
"""Steps behind which an entity may have fields that nobody has named."""
_TIMES_OF_DAY = frozenset({"now", "now()", "today", "today()", "yesterday", "latest", "earliest", "beginning", "start"})


def path_mistakes(entity: EntityOptions, stages: Sequence[StageNames]) -> Iterator[tuple[Loc, str]]:
    """An entity may have a field of its own name: where a map makes it, or an expression of the route reads it."""
    own_name_is_read = _reads_own_name(entity, stages)
    fields: Fields | None = None
    anything = False
    for seen in stages:
        stage = seen.stage
        if stage is not None and stage.part == "transform":
            has_field = entity.name in fields if fields is not None else own_name_is_read or anything
            written = getattr(stage.component(), "written_paths", None)
            for inner, text in () if written is None or has_field else written(stage.config):
                name, _, rest = text.partition(".")
                if name == entity.name and rest:
                    yield (*seen.loc, stage.kind, *inner), _told(entity.name, rest, text)
            anything = anything or stage.kind in _MAKES_ANYTHING
        fields = fields_behind(stage, fields)


def cursor_mistakes(entity: EntityOptions, stages: Sequence[StageNames]) -> Iterator[tuple[Loc, str]]:
    """The field of a cursor, which begins below the entity as well, and a beginning that no source understands."""
    for seen in stages:
        cursor = getattr(seen.stage.config, "cursor", None) if seen.stage is not None else None
        field, initial = getattr(cursor, "field", None), getattr(cursor, "initial", None)
        if seen.stage is None or seen.stage.part != "incoming" or not isinstance(field, str):
            continue
        place = (*seen.loc, seen.stage.kind, "cursor")
        name, _, rest = field.partition(".")
        if name == entity.name and rest and not _reads_own_name(entity, stages):
            yield (*place, "field"), _told(entity.name, rest, field)
        if not isinstance(initial, str):
            continue
        if initial.lower() in _TIMES_OF_DAY:
            yield (*place, "initial"), f"{initial} would be asked for as it stands; write a time, such as 2026-01-31"
        elif getattr(cursor, "lag", None) and kind_of_version(initial) == "text":
            yield (
                (*place, "initial"),
                f"{initial!r} is a text, and lag is taken from a time or a number; write one, or take lag out",
            )


def _reads_own_name(entity: EntityOptions, stages: Sequence[StageNames]) -> bool:
    configs = [entity, *(seen.stage.config for seen in stages if seen.stage is not None)]
    return any(
        path[:2] == (entity.name, entity.name)
        for config in configs
        for _, leaf in expressions_of(config)
        for reading in readings(leaf)
        for path in reading.fields
    )


def _told(entity: str, rest: str, text: str) -> str:
    return (
        f"{text!r} would be the field {rest} in a field {entity} of the {entity}: paths begin below the entity; did "
        f"you mean {rest}? If it does have a field {entity}, give the entity another name under entity.name"
    )
