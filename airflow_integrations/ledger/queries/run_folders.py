"""The staging folder of a run, by the run's id in the ledger."""

from __future__ import annotations

from sqlalchemy import Connection, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import route_number
from airflow_integrations.ledger.storage.transactions import reading

__all__ = ["run_folder"]


@reading
def run_folder(connection: Connection, route: str, run_id: str) -> str | None:
    """The folder as text; None where the ledger does not know the run, or its payloads are gone.

    It does not follow from the id: runs for events, and those of a DAG that holds several routes, are staged under
    their DAG's name.
    """
    run = tables.run.c
    if (route_id := route_number(connection, route)) is None:
        return None
    return connection.scalar(select(run.staging).where(run.route_id == route_id, run.run_id == run_id)) or None
