"""The DAGs of a route: its own, and beside it one for its events and one for its consumer, where it has them."""

from __future__ import annotations

from airflow_integrations.route.definition import Route

__all__ = [
    "events_dag_id",
    "has_events_dag",
    "is_live",
    "live_dag_id",
    "route_of_dag",
    "route_of_events",
    "route_of_live",
]

LIVE, EVENTS = "__live", "__events"
"""How their ids end; no route's name does."""


def is_live(route: Route) -> bool:
    """Whether the route has a consumer."""
    return route.trigger is not None and route.trigger.latency == "low"


def has_events_dag(route: Route) -> bool:
    """Whether runs for events are those of a DAG of their own, so that they do not wait for runs that fetch.

    A route whose entities all come through its inbox has no other runs, and what another route has fetched goes the
    same way as events.
    """
    trigger = route.trigger
    if trigger is None or route.incoming.kind in ("none", "route") or not getattr(route.incoming.config, "lists", True):
        return False
    only_assets = trigger.assets is not None and trigger.webhook is None and trigger.listen is None
    return is_live(route) or not only_assets


def live_dag_id(route: str) -> str:
    """Of the DAG that consumes."""
    return route + LIVE


def events_dag_id(route: str) -> str:
    """Of the DAG whose runs take events, where the route :func:`has_events_dag`."""
    return route + EVENTS


def route_of_live(dag_id: str) -> str | None:
    """The route whose consumer this DAG is; None: it is none of these."""
    return dag_id.removesuffix(LIVE) if dag_id.endswith(LIVE) else None


def route_of_events(dag_id: str) -> str | None:
    """The route whose events this DAG's runs take; None: it is none of these."""
    return dag_id.removesuffix(EVENTS) if dag_id.endswith(EVENTS) else None


def route_of_dag(dag_id: str) -> str:
    """The route that a DAG is of, whichever of its DAGs that is."""
    return route_of_live(dag_id) or route_of_events(dag_id) or dag_id
