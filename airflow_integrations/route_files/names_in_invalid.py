"""Check names in a definition that is not valid as a whole, so that all mistakes are told at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.route.checks.names import (
    Loc,
    NameScope,
    StageNames,
    entity_mistakes,
    found_names,
    name_mistakes,
    trigger_name_mistakes,
)
from airflow_integrations.route.definition import EntityOptions
from airflow_integrations.route.stage import IncomingStage, OutgoingStage, Stage, TransformStage
from airflow_integrations.route.trigger import Trigger

__all__ = ["partial_mistakes"]

_PARTS: dict[str, TypeAdapter[Stage]] = {
    "incoming": TypeAdapter(IncomingStage),
    "transform": TypeAdapter(TransformStage),
    "outgoing": TypeAdapter(OutgoingStage),
}


def partial_mistakes(data: dict[str, Any], folder: Folder) -> Iterator[tuple[Loc, str]]:
    """Unknown names in the stages that are valid by themselves; none where the entity itself is not."""
    try:
        entity = EntityOptions.model_validate(data.get("entity"), context=folder)
    except ValidationError:
        return
    params = data.get("params")
    declared = frozenset(params) if isinstance(params, dict) else frozenset()
    surroundings = NameScope(entity.name, declared, data.get("schedule") is not None)
    stages = list(_stages(data, folder))
    yield from entity_mistakes(surroundings, entity, stages)
    yield from name_mistakes(surroundings, stages)
    try:
        trigger = Trigger.model_validate(data.get("trigger"), context=folder)
    except ValidationError:
        return
    yield from trigger_name_mistakes(surroundings, trigger)


def _stages(data: dict[str, Any], folder: Folder) -> Iterator[StageNames]:
    yield _seen("incoming", ("incoming",), data.get("incoming"), folder)
    steps = data.get("transform")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        yield _seen("transform", ("transform", index), step, folder)
    yield _seen("outgoing", ("outgoing",), data.get("outgoing"), folder)


def _seen(part: str, loc: Loc, value: Any, folder: Folder) -> StageNames:
    try:
        stage = _PARTS[part].validate_python(value, context=folder)
    except ValidationError:
        return StageNames(loc, None, _names_meant(value))
    return StageNames(loc, stage, found_names(stage))


def _names_meant(value: Any) -> tuple[str, ...]:
    """What a broken step would have added: a typo in it must not make its name unknown as well."""
    if not isinstance(value, dict):
        return ()
    names = (options.get("name") for options in value.values() if isinstance(options, dict))
    return tuple(name for name in names if isinstance(name, str))
