"""The record of what people did."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from airflow_integrations.ledger.runs.history import printable
from airflow_integrations.ledger.storage import tables

__all__ = ["MOST_DETAIL", "record"]

MOST_DETAIL = 1_000
"""Characters that are kept of what an action was about."""
MOST_BY = 250


def record(
    connection: Connection,
    route_id: int,
    what: str,
    selection: str,
    entities: int,
    *,
    by: str,
    now: float,
    detail: str | None = None,
) -> None:
    """One row of ``action``, in the transaction of what it tells."""
    connection.execute(
        insert(tables.action).values(
            route_id=route_id,
            at=now,
            by=printable(by, MOST_BY),
            what=what,
            selection=selection,
            entities=entities,
            detail=None if detail is None else printable(detail, MOST_DETAIL),
        )
    )
