"""Bodies of requests whose values are written by their types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from airflow_integrations.expressions import Structure
from airflow_integrations.expressions.expression import Compiled
from airflow_integrations.odata.json_values import PropertyTypes
from airflow_integrations.odata.literals import EdmType, Version

__all__ = ["TypedBody"]


class TypedBody(Structure):
    """A structure that gives JSON as the service's model wants it. It is made by kinds, never written in a route.

    ``without``: properties that are left out.
    """

    def __init__(
        self,
        definition: Any,
        sees: str,
        types: Mapping[str, EdmType],
        version: Version,
        *,
        without: Collection[str] = (),
    ) -> None:
        super().__init__(definition, sees)
        self._types = dict(types)
        self._version = version
        self._without = [tuple(path.split("/")) for path in without]

    @cached_property
    def _function(self) -> Compiled:
        build, types = super()._function, PropertyTypes(self._types, self._version)
        return lambda names: _less(types.written(build(names)), self._without)


def _less(value: Any, paths: list[tuple[str, ...]]) -> Any:
    """``value``, which nobody else holds, without what stands at these paths."""
    for path in paths:
        holders = [value]
        for step in path[:-1]:
            inner = [holder.get(step) for holder in holders if isinstance(holder, dict)]
            holders = [one for each in inner for one in (each if isinstance(each, list) else [each])]
        for holder in holders:
            if isinstance(holder, dict):
                holder.pop(path[-1], None)
    return value
