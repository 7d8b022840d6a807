"""The maintenance DAG's work on the ledger and staging, with Airflow's ledger and the routes of all DAG bundles."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from airflow_integrations.airflow.maintenance.served_routes import ServedRoutes
from airflow_integrations.airflow.operators.base import TaskServices
from airflow_integrations.engine.upkeep import Wanted, keep_up

__all__ = ["Wanted", "clean_up"]


def clean_up(routes: Path, staging: str, now: datetime, *, thoroughly: bool) -> Wanted:
    """:func:`~airflow_integrations.engine.upkeep.keep_up` for the folder ``routes`` and those of other bundles.

    Raises SetupError and OutageError as opening the ledger does.
    """
    return asyncio.run(_tidy(routes, staging, now.timestamp(), thoroughly))


async def _tidy(routes: Path, staging: str, now: float, thoroughly: bool) -> Wanted:
    async with TaskServices() as services:
        files = await asyncio.to_thread(ServedRoutes.beside, routes)
        return await keep_up(services, files, staging, now, thoroughly=thoroughly)
