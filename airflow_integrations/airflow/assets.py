"""Assets that make a route run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk.definitions.asset import BaseAsset

    from airflow_integrations.route import Route

__all__ = ["triggering_assets"]


def triggering_assets(route: Route) -> BaseAsset | None:
    """What the route's DAG waits for beside its times; None where there is no such asset."""
    return None
