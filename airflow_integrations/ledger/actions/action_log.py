"""Write what people did into an entity's history and the record of actions."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, literal

from airflow_integrations.ledger.runs.history import KEPT, REASON, printable
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage import tables

__all__ = ["MOST_DETAIL", "prepended", "record"]

MOST_DETAIL = 1_000
"""Characters that are kept of what an action was about."""
MOST_BY = 250


def prepended(now: float, status: Status, reason: str) -> ColumnElement[str]:
    """SQL: the history with one line in front of it."""
    line = msgspec.json.encode((round(now, 3), status, None, None, None, printable(reason, REASON))).decode()
    return func.substr(literal(line + "\n") + tables.entity.c.history, 1, KEPT)


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
