"""The maintenance's decision about entities: nobody confirmed them in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, select, update

from airflow_integrations.ledger.runs.error_fingerprint import fingerprint
from airflow_integrations.ledger.runs.history import prepended
from airflow_integrations.ledger.status import TRANSITIONS, Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.open_entities import open_of

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["EXPIRED", "expire"]

EXPIRED = "nothing was confirmed by the deadline"

_FROM: Status = "waiting"
_TO: Status = "failed"


def expire(database: Database, now: float) -> int:
    """Waiting entities whose deadline has passed become failed; returns how many."""
    assert _TO in TRANSITIONS[_FROM]
    entity = tables.entity
    with database.write() as connection:
        changed = connection.execute(
            update(entity)
            .where(
                open_of(connection, list(connection.scalars(select(tables.route.c.id)))),
                entity.c.status == _FROM,
                entity.c.deadline < now,
            )
            .values(
                status=_TO,
                changed=now,
                error_class="expired",
                http_status=None,
                message=EXPIRED,
                fingerprint=fingerprint("expired", None, EXPIRED),
                next_attempt=None,
                deadline=None,
                history=prepended(now, _TO, EXPIRED),
            )
        )
        return cast("CursorResult[Any]", changed).rowcount
