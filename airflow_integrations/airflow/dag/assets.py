"""A route's own asset, which changes when it has delivered something, and the assets that make a route run.

The asset of the route ``orders`` is called ``route.orders`` and has the URI ``integrations://route/orders``: stable, so
that any DAG may be scheduled on it. The target's asset, ``integrations://erp/orders``, changes with it. Both go through
an alias, because an asset that is itself an outlet changes with every task that ends well, also where nothing was
delivered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, AssetAll, AssetAny

from airflow_integrations.airflow.dag.dag_ids import has_events_dag
from airflow_integrations.airflow.dag.lineage import asset

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.asset import BaseAsset

    from airflow_integrations.route.asset_trigger import AssetCondition
    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Run
    from airflow_integrations.staging.folder import Staging
    from airflow_integrations.staging.manifest import Manifest

__all__ = ["changed", "changing_assets", "outlets", "publish", "route_asset", "triggering_assets"]


def route_asset(route: str) -> Asset:
    """What other DAGs are scheduled on to run after the route of this name has delivered something."""
    return Asset(name=f"route.{route}", uri=f"integrations://route/{route}")


def outlets(route: Route) -> list[AssetAlias]:
    """The outlets of a task that may :func:`publish`."""
    return [AssetAlias(f"route.{route.route}")]


def changing_assets(route: Route) -> list[Asset]:
    """What changes with the route. Where nobody has named them to Airflow before, it creates each with its first
    change, and of two runs that come at the same moment it fails one. So they are inlets of the task settle, by which
    its DAG processor creates them; no task has them while it runs, as it would then fail where another DAG has an asset
    of the same name or URI. The only task of a route with ``tasks.single`` has an outlet, for which Airflow looks at
    what is serialized, so it goes without."""
    target = asset(route.outgoing)
    return [route_asset(route.route), *([target] if target is not None else [])]


def publish(context: Context, run: Run, pushed: Manifest, staging: Staging) -> None:
    """The route's asset changes when this task ends well, where the run has delivered something; else nothing does.

    Its event says ``route``, ``run_id``, ``delivered``, how many, and ``window``, its two ends.
    """
    from airflow_integrations.engine.fetch.windows import as_fetched

    window = list(as_fetched(run, staging).window.dump())
    changed(context, run.route, pushed.counts.get("delivered", 0), {"run_id": run.run_id, "window": window})


def changed(context: Context, route: Route, delivered: int, more: Mapping[str, Any]) -> None:
    """The same where there is no single run: ``more`` is in the event beside ``route`` and ``delivered``."""
    if delivered:
        (alias,) = outlets(route)
        extra = {"route": route.route, "delivered": delivered, **more}
        events = context["outlet_events"][alias]
        for each in changing_assets(route):
            events.add(each, extra=extra)


def triggering_assets(route: Route) -> BaseAsset | None:
    """What the route's DAG waits for beside its times; None where there is no such asset."""
    trigger = route.trigger
    if trigger is None:
        return None
    found = [] if trigger.assets is None else [_condition(trigger.assets)]
    if trigger.listen is not None and not has_events_dag(route):
        from airflow_integrations.airflow.triggers.listen_trigger import listening_asset

        found.append(listening_asset(route))
    return AssetAny(*found) if len(found) > 1 else next(iter(found), None)


def _condition(condition: AssetCondition) -> BaseAsset:
    if condition.route is not None:
        return route_asset(condition.route)
    if condition.name is not None:
        return Asset.ref(name=condition.name)
    if condition.uri is not None:
        return Asset.ref(uri=condition.uri)
    parts = [_condition(part) for part in condition.parts]
    return AssetAll(*parts) if condition.all else AssetAny(*parts)
