"""What waits at sources that routes listen to, and slots of PostgreSQL that nobody reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_integrations.cli.airflow_access import connections
from airflow_integrations.cli.doctor.installation import Check
from airflow_integrations.errors import IntegrationError
from airflow_integrations.listen.backlog import backlogs
from airflow_integrations.route_files.load import RouteFiles

if TYPE_CHECKING:
    from airflow_integrations.airflow.config.connections import AirflowConnections

__all__ = ["check_sources"]


async def check_sources(found: RouteFiles) -> list[Check]:
    """One check for each route whose source can tell what waits, and a warning for each slot that is in trouble."""
    routes = {
        name: loaded.route
        for name, loaded in found.routes.items()
        if loaded.route.trigger is not None and loaded.route.trigger.listen is not None
    }
    if not routes:
        return []
    known = connections()
    checks = []
    for name, told in (await backlogs(routes, known)).items():
        what = f"source of {name}"
        if isinstance(told, IntegrationError):
            checks.append(Check("failed", what, str(told), type(told).__name__))
        else:
            checks.append(Check("ok", what, f"{told} not taken yet"))
    slots: dict[str, set[str]] = {}
    for route in routes.values():
        stage = route.trigger.listen if route.trigger is not None else None
        if stage is not None and stage.kind == "postgres_changes":
            slots.setdefault(stage.config.connection, set()).add(stage.config.slot)
    for connection, used in sorted(slots.items()):
        checks += await _check_slots(connection, used, known)
    return checks


async def _check_slots(connection: str, used: set[str], known: AirflowConnections) -> list[Check]:
    from airflow_integrations.listen.sql.slot_watch import slot_troubles

    try:
        database = await asyncio.to_thread(known.database, connection)
        troubles = await slot_troubles(database, used)
    except IntegrationError:
        return []  # the check of the Connection says why
    return [Check("warning", f"slot {name} of {connection}", told) for name, told in troubles]
