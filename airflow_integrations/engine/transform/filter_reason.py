"""Why an entity was filtered: the step, its text and the values that it read, from the line that the run staged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from airflow_integrations.engine.segment_lines import Problem
from airflow_integrations.expressions import Expression
from airflow_integrations.formats.json import encode_anyhow

__all__ = ["FilterReason", "filter_reason"]

_MISSING = object()
MOST_VALUES = 50


class FilterReason(msgspec.Struct, frozen=True):
    """Which step left an entity out."""

    step: int
    """Its number within ``transform``, from 1."""
    kind: str
    text: str
    """The condition as the route has it; empty for a step without one."""
    values: dict[str, msgspec.Raw | None]
    """By path, what the condition read of the entity, JSON; None: the entity has no such field."""


def filter_reason(line: Problem, entity: str, value: Any, source: Any) -> FilterReason:
    """``value`` is the entity as the step saw it, and ``source`` what the source gave, both as they may be shown.
    ``entity``: the entity's name in the route."""
    names = {entity: value, "source": source}
    return FilterReason((line.ordinal or 0) + 1, line.field or "filter", line.reason, dict(_read(line.reason, names)))


def _read(text: str, names: dict[str, Any]) -> Iterator[tuple[str, msgspec.Raw | None]]:
    try:
        fields = sorted(Expression(text).fields) if text else []
    except ValueError:  # written for another version of this package
        return
    for path in fields[:MOST_VALUES]:
        if path[0] in names and len(path) > 1:
            cut = path[: path.index("*")] if "*" in path else path
            found = _at(names, cut)
            yield ".".join(cut), None if found is _MISSING else msgspec.Raw(encode_anyhow(found))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value
