"""The staging of a run that the console shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_integrations.airflow.config import settings
from airflow_integrations.ledger.queries.run_folders import run_folder
from airflow_integrations.staging.folder import Staging

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console

__all__ = ["staging_of"]


def staging_of(console: Console, route: str, run_id: str) -> Staging:
    """By the run's id in the ledger; that of a run which the ledger does not know has nothing in it."""
    staging = Staging(settings.staging_base(), route, run_id)
    folder = run_folder(console.database, route, run_id)
    return staging.sibling(folder) if folder else staging
