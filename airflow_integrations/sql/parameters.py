"""The ends of a window as a database compares them with its columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_integrations.sql.database import Database
from airflow_integrations.window import Window

__all__ = ["moment_parameter", "window_parameters"]


def window_parameters(database: Database, window: Window, zone: ZoneInfo | None) -> dict[str, Any]:
    """``window_start`` and ``window_end``."""
    return {
        "window_start": moment_parameter(database, window.start, zone),
        "window_end": moment_parameter(database, window.end, zone),
    }


def moment_parameter(database: Database, moment: datetime, zone: ZoneInfo | None) -> Any:
    """With ``zone``: what clocks there show, for columns that hold that. Without: UTC.

    PostgreSQL compares a moment with both kinds of its columns, by the session's zone. SQLite has texts, as its own
    functions write them.
    """
    if database.dialect == "postgresql":
        return moment
    local = moment.astimezone(zone or UTC).replace(tzinfo=None)
    return local.isoformat(" ", "seconds") if database.dialect == "sqlite" else local
