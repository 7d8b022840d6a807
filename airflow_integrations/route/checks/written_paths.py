"""Paths of ``set``, ``rename`` and ``drop`` that begin with the entity's name, though paths begin below the entity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_integrations.route.checks.entity_fields import Fields, fields_behind
from airflow_integrations.route.checks.names import Loc, StageNames, expressions_of
from airflow_integrations.route.checks.unknown_names import readings

if TYPE_CHECKING:
    from airflow_integrations.route.definition import EntityOptions

__all__ = ["path_mistakes"]

_MAKES_ANYTHING = frozenset({"python", "split"})
"""Steps behind which an entity may have fields that nobody has named."""


def path_mistakes(entity: EntityOptions, stages: Sequence[StageNames]) -> Iterator[tuple[Loc, str]]:
    """An entity may have a field of its own name: where a map makes it, or an expression of the route reads it."""
    configs = [entity, *(seen.stage.config for seen in stages if seen.stage is not None)]
    reads = {
        path[:2]
        for config in configs
        for _, leaf in expressions_of(config)
        for r in readings(leaf)
        for path in r.fields
    }
    own_name_is_read = (entity.name, entity.name) in reads
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


def _told(entity: str, rest: str, text: str) -> str:
    return (
        f"{text!r} would be the field {rest} in a field {entity} of the {entity}: paths begin below the entity; did "
        f"you mean {rest}? If it does have a field {entity}, give the entity another name under entity.name"
    )
