"""The rows of one partition."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_integrations.sql.parameters import moment_parameter

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from airflow_integrations.route.incremental import Partition
    from airflow_integrations.sql.binds import Binds
    from airflow_integrations.sql.database import Database

__all__ = ["range_conditions"]


def range_conditions(
    column: str, partition: Partition, binds: Binds, database: Database, zone: ZoneInfo | None
) -> list[str]:
    """Conditions on the quoted ``column``. Of all partitions exactly one holds for every row, whatever its value is:
    where one ends the next begins, and the first has what is NULL."""

    def bound(edge: Any) -> str:
        return ":" + binds.add(moment_parameter(database, edge, zone) if isinstance(edge, datetime) else edge)

    found = []
    if partition.start is not None:
        found.append(f"{column} >= {bound(partition.start)}")
    if partition.end is not None:
        before = f"{column} < {bound(partition.end)}"
        found.append(f"{before} OR {column} IS NULL" if partition.start is None else before)
    return found
