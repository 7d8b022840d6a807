"""Borders that no argument reaches. The list of all of them is in docs/design.md."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

from airflow_integrations.engine import disk_space, gc_tuning
from airflow_integrations.engine.live import consumer as live_consumer
from airflow_integrations.http import client as http_client
from airflow_integrations.route.dump import definition_yaml, plain_definition
from airflow_integrations.route.files.named import named_files
from airflow_integrations.route.hash import data_hash, route_hash
from airflow_integrations.staging import folder as staging_folder
from simulator.borders.disk import remove_folder
from simulator.borders.pure import remember

__all__ = ["CURRENT", "replace_borders"]

CURRENT: Any = SimpleNamespace(world=None)
"""The ``world`` that is lived through."""
_NO_COLLECTOR = SimpleNamespace(
    freeze=int, unfreeze=int, get_threshold=lambda: (0, 10, 10), set_threshold=lambda *given: None
)
"""For the stages of a world: it is off, and what is there for good is frozen."""


@cache
def replace_borders() -> None:
    """Once in a process."""
    remember(data_hash, route_hash, definition_yaml, plain_definition, named_files)
    plenty = SimpleNamespace(free=1 << 40, total=1 << 41)
    borders: dict[Any, dict[str, Any]] = {
        http_client: {"open_session": lambda endpoint: CURRENT.world.network.open_session(endpoint)},
        live_consumer: {"bell_of": lambda database, route: CURRENT.world.bell(database, route)},
        disk_space: {"shutil": SimpleNamespace(disk_usage=lambda place: plenty)},
        gc_tuning: {"gc": _NO_COLLECTOR},
        staging_folder: {"shutil": SimpleNamespace(rmtree=remove_folder)},
    }
    for module, names in borders.items():
        for name, stand_in in names.items():
            setattr(module, name, stand_in)
