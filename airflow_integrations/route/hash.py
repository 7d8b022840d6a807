"""Whether two runs work by the same definition, and whether two stages of a run do the same with its data."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any, Final

from airflow_integrations.route.definition import Route
from airflow_integrations.route.dump import plain_definition
from airflow_integrations.route.files.named import named_files

__all__ = ["data_hash", "route_hash"]

_SAME_DATA: Final[Any] = {
    "description": True, "owner": True, "tags": True, "priority": True, "paused": True, "mask": True, "schedule": True,
    "trigger": True, "retention": True, "alerts": True, "tasks": True, "dag": True, "max_active_runs": True,
    "delivery": {"concurrency", "fail_run", "retry"},
}  # fmt: skip
"""What may change under a run without changing what its stages do with what is staged."""


def route_hash(route: Route) -> str:
    """32 hexadecimal digits over the resolved definition and the bytes of every file it names.

    Equal however the route was written: as YAML, JSON or Python, in one file or with shared parts. Comments, the order
    of keys and options that were left at their default in different ways do not count; the order of mapped fields
    does not either. Who is told of it does not make it another route. Raises OSError where a file it names is gone.
    """
    definition = plain_definition(route, exclude_defaults=True, exclude={"alerts"})
    return _digest(definition, route)


def data_hash(route: Route) -> str:
    """The same over what decides on data alone: what fetch, transform and push do with it.

    Who is told, who may read what, when it runs and for how long it is kept may change while a run is under way.
    """
    definition = plain_definition(route, exclude_defaults=True, exclude=_SAME_DATA)
    if not definition.get("delivery"):
        definition.pop("delivery", None)
    return _digest(definition, route)


def _digest(definition: dict[str, Any], route: Route) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(definition, sort_keys=True, default=_told_apart).encode())
    for file in named_files(route):
        digest.update(b"\0" + hashlib.blake2b(file.path.read_bytes(), digest_size=16).digest())
    return digest.hexdigest()


def _told_apart(value: Any) -> str:
    """The number 0.10 and the text "0.10" are two definitions."""
    return f"\0decimal {value}" if isinstance(value, Decimal) else str(value)
