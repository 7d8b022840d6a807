"""Whether what a route does between fetch and push can be done for the entities of some keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["spread_note", "why_not_by_key"]


def why_not_by_key(route: Route) -> str | None:
    """None: several processes may transform a run's entities, those of one key always in the same one. Else why one
    process has to see them all, to be read behind "because"."""
    if route.contract is not None:
        return "a contract looks at all entities of a run"
    for index, stage in enumerate(route.transform):
        by_key = getattr(stage.component(), "by_key", None)
        if by_key is None or not by_key(stage.config):
            return f"transform.{index}.{stage.kind} may need all entities of a run"
    if route.tasks.place("transform") != route.tasks.place("push"):
        return "tasks.transform runs elsewhere than tasks.push"
    return None


def spread_note(route: Route) -> str | None:
    """For people who check a route: that of its large runs only the sending is spread over tasks, and why. None where
    transform is spread, too, or nothing is."""
    if route.tasks.spread == 1 or (reason := why_not_by_key(route)) is None:
        return None
    return f"tasks.spread: {route.tasks.spread} tasks send a large run, and one transforms it, because {reason}"
