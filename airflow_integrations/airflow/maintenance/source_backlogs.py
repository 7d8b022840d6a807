"""What waits at the databases that routes listen to, as gauges and for the alerts."""

from __future__ import annotations

import asyncio
import logging

from airflow_integrations.airflow import metrics
from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.errors import IntegrationError
from airflow_integrations.listen.backlog import Backlog, backlogs
from airflow_integrations.route_files.load import RouteFiles

__all__ = ["source_backlogs"]

log = logging.getLogger("airflow_integrations")


def source_backlogs(found: RouteFiles) -> dict[str, Backlog]:
    """By route, of those whose source could be asked; the log says why another could not."""
    routes = {
        name: loaded.route
        for name, loaded in found.routes.items()
        if loaded.route.trigger is not None and loaded.route.trigger.listen is not None
    }
    if not routes:
        return {}
    told: dict[str, Backlog] = {}
    for name, waiting in asyncio.run(backlogs(routes, AirflowConnections())).items():
        if isinstance(waiting, IntegrationError):
            log.warning("%s: what waits at its source could not be asked for: %s", name, waiting)
            continue
        told[name] = waiting
        if waiting.rows is not None:
            metrics.gauge(metrics.SOURCE_ROWS, waiting.rows, route=name)
        if waiting.size is not None:
            metrics.gauge(metrics.SOURCE_BYTES, waiting.size, route=name)
    return told
