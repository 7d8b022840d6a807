"""A route's params where no Airflow hands them in: in route tests and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.config.suggestions import continued
from airflow_integrations.errors import RunError
from airflow_integrations.route.definition import Route

__all__ = ["route_params"]


def route_params(route: Route, given: Mapping[str, Any]) -> dict[str, Any]:
    """The route's defaults, overlaid with what was given. Raises RunError for a param that the route does not have."""
    unknown = [name for name in given if name not in route.params]
    if unknown:
        known = (
            continued(unknown[0], route.params) if route.params else ": it declares none, params: {shop: main} would"
        )
        raise RunError(f"route {route.route} has no param {unknown[0]!r}{known}")
    return {**route.params, **given}
