"""What a fetch asks the ledger before it begins and before it says that entities vanished, and settle of lost ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, and_, func, not_, select

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among
from airflow_integrations.ledger.open_rows import open_of
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.window import Window

__all__ = ["delivered_count", "first_window", "kept_in", "run_window", "undecided", "vanished_count"]

_entity = schema.entity.c
_run = schema.run.c
_HELD = and_(_entity.status == "in_doubt", _entity.next_attempt.is_(None))
"""A person has to decide; a fetch that starts over must not."""
_LEFT = ("pending", "rejected", "failed", "retrying", "in_doubt")


def run_window(connection: Connection, route: str, run_id: str) -> Window | None:
    row = connection.execute(
        select(_run.window_start, _run.window_end)
        .join(schema.route, schema.route.c.id == _run.route_id)
        .where(schema.route.c.name == route, _run.run_id == run_id)
    ).one_or_none()
    return None if row is None else Window.parse(row.window_start, row.window_end)


def first_window(connection: Connection, route: str) -> datetime | None:
    starts = connection.scalars(
        select(_run.window_start)
        .join(schema.route, schema.route.c.id == _run.route_id)
        .where(schema.route.c.name == route, _run.kind.in_(("scheduled", "asset")))
    )
    return min(map(datetime.fromisoformat, starts), default=None)


def kept_in(connection: Connection, run: RunRef) -> list[str]:
    rows = connection.scalars(
        select(_entity.key)
        .where(
            open_of(connection, [run.route_id]), _entity.payload_run == run.id, _entity.status.in_(_LEFT), not_(_HELD)
        )
        .order_by(_entity.key)
    )
    return list(rows)


def undecided(connection: Connection, run: RunRef, keys: Sequence[str]) -> list[str]:
    decided = set(
        connection.scalars(
            select(_entity.key).where(
                _entity.route_id == run.route_id,
                among(connection, _entity.key, keys),
                _entity.run == run.id,
                _entity.status != "pending",
            )
        )
    )
    return [key for key in keys if key not in decided]


def delivered_count(connection: Connection, run: RunRef) -> int:
    return connection.execute(_count().where(_entity.route_id == run.route_id)).scalar_one()


def vanished_count(connection: Connection, run: RunRef) -> int:
    query = _count().where(_entity.route_id == run.route_id, _entity.seen_run != run.id, _entity.status != "pending")
    return connection.execute(query).scalar_one()


def _count() -> Select[int]:
    return (
        select(func.count())
        .select_from(schema.entity)
        .where(_entity.delivered_hash.is_not(None), _entity.deleted.is_(False))
    )
