"""Find the fields that an entity has behind a step, where the steps before it tell: a map makes all of them."""

from __future__ import annotations

from typing import Any

from airflow_integrations.config.suggestions import continued
from airflow_integrations.route.stage import Stage

__all__ = ["Fields", "fields_behind", "fields_within", "gone"]

Fields = dict[str, Any]
"""Name to the fields below it; None where those are not known. A list's elements stand under ``*``."""


def fields_behind(stage: Stage | None, before: Fields | None) -> Fields | None:
    """The fields behind a stage, from those before it; None where they cannot be told."""
    if stage is None:
        return None
    told = getattr(stage.component(), "fields_behind", None) if stage.part == "transform" else None
    fields: Fields | None = told(stage.config, before) if told is not None else None
    return fields


def fields_within(stage: Stage, before: Fields | None) -> Fields | None:
    """The fields that a stage's own expressions see: ``set`` sees what it has set itself."""
    own = stage.part == "transform" and getattr(stage.component(), "sees_own_fields", False)
    return fields_behind(stage, before) if own else before


def gone(path: tuple[str, ...], fields: Fields) -> str | None:
    """What is wrong with a path, such as ``("order", "number")``, into an entity with these fields."""
    at: Fields | None = fields
    for index, step in enumerate(path[1:], 1):
        if at is None or (step == "*") != ("*" in at):
            return None
        if step not in at:
            where = ".".join(path[:index]).replace(".*", "[…]").replace("*", "the entity")
            source = f"; the record as it was fetched is source: source.{path[1]}" if index == 1 else ""
            return f"{where} has no field {step!r} behind map{continued(step, at, of='It has')}{source}"
        at = at[step]
    return None
