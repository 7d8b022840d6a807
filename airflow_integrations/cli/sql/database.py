"""The database that a command is about."""

from __future__ import annotations

from airflow_integrations.cli.airflow_access import connections
from airflow_integrations.errors import SetupError
from airflow_integrations.sql.database import Database, Databases

__all__ = ["asked_database"]


def asked_database(connection: str) -> Database:
    """Raises SetupError where there is no such Connection, or it is not that of a database."""
    known = connections()
    if not isinstance(known, Databases):
        raise SetupError(f"Connection {connection!r}: databases are not known here")
    return known.database(connection)
