"""Routes of low latency: their consumers hold slots of the executor for ever, which others miss."""

from __future__ import annotations

from airflow_integrations.route_file import RouteFiles

__all__ = ["consumers"]


def consumers(found: RouteFiles) -> int:
    """How many of the routes have one."""
    triggers = [loaded.route.trigger for loaded in found.routes.values()]
    return sum(trigger is not None and trigger.latency == "low" for trigger in triggers)
