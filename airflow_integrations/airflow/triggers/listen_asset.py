"""Read from an Airflow run which assets made it run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.route.definition import Route

__all__ = ["LISTENING", "asset_uri", "started_by_listener"]

LISTENING = "integrations://listen/"
"""What the URI of a listening route's asset begins with; its name is the rest, ``listen/<route>``."""


def asset_uri(route: Route) -> str:
    """Of the asset whose events say: something waits in this route's inbox."""
    return f"{LISTENING}{route.route}"


def started_by_listener(context: Context, route: Route) -> bool:
    """Whether nothing but the route's own listener made it run: such a run takes the inbox and asks no source."""
    if route.trigger is None or route.trigger.listen is None:
        return False
    events: Any = context.get("triggering_asset_events") or {}
    rang = {str(getattr(asset, "uri", "")) for asset, found in events.items() if found}
    return rang == {asset_uri(route)}
