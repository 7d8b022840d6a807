"""What a route is does not change: what is worked out of it again and again is worked out once for all worlds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["remember"]

MOST = 5_000


def remember(*functions: Callable[..., Any]) -> None:
    """Keep what these functions of a route return, wherever they were imported."""
    for function in functions:
        kept = _kept(function)
        for name, module in list(sys.modules.items()):
            if name.startswith("airflow_integrations.") and getattr(module, function.__name__, None) is function:
                setattr(module, function.__name__, kept)


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[int, tuple[Any, Any]] = {}

    def remembered(route: Any, **named: Any) -> Any:
        if named:
            return function(route, **named)
        found = known.get(id(route))  # the route is kept as well, so that its id is nobody else's
        if found is None:
            if len(known) >= MOST:
                known.clear()
            found = known[id(route)] = route, function(route)
        return found[1]

    return remembered
