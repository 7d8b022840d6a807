"""What a route file hides, read without building the route: that takes longer than all else that a command does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_integrations.route_files.discovery import route_paths, stem
from airflow_integrations.route_files.shared_parts import RouteAssembler

__all__ = ["written_mask"]


def written_mask(root: Path, route: str) -> dict[str, Any] | None:
    """``mask`` and ``entity`` of the route as its file and the folder's defaults say them; None where no file here
    holds it, or what it says cannot be understood. The rest of the file may have mistakes: what it hides is hidden.

    Raises OSError where the folder cannot be read.
    """
    files = RouteAssembler(root)
    named = [
        path
        for path in route_paths(files.root)
        if (stem(path.name) == route or route in files.read(path).text) and files.route_name(path) == route
    ]
    if not named:
        return None
    assembled = files.assemble(next((path for path in named if stem(path.name) == route), named[0]))
    if isinstance(assembled, tuple):
        return None
    entity, mask = (node.plain() if (node := assembled.node.get(name)) else None for name in ("entity", "mask"))
    paths = mask if isinstance(mask, list) else []
    return {
        "entity": entity if isinstance(entity, dict) else {},
        "mask": [path for path in paths if isinstance(path, str)],
    }
