"""What no run decides: the line it leaves in an entity's history, and the record of what people did."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, literal

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.history import KEPT, REASON, printable
from airflow_integrations.ledger.status import Status

__all__ = ["MOST_DETAIL", "prepended", "record"]

MOST_DETAIL = 1_000
"""Characters that are kept of what an action was about."""
MOST_BY = 250


def prepended(now: float, status: Status, reason: str) -> ColumnElement[str]:
    """SQL: the history with one line in front of it."""
    line = msgspec.json.encode((round(now, 3), status, None, None, None, printable(reason, REASON))).decode()
    return func.substr(literal(line + "\n") + schema.entity.c.history, 1, KEPT)


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
        insert(schema.action).values(
            route_id=route_id,
            at=now,
            by=printable(by, MOST_BY),
            what=what,
            selection=selection,
            entities=entities,
            detail=None if detail is None else printable(detail, MOST_DETAIL),
        )
    )
