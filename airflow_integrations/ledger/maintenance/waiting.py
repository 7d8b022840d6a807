"""What nobody noticed of entities that wait for another route: woken, or forgotten where they wait no more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Delete, Select, delete, exists, select

from airflow_integrations.ledger.runs.waits import wake_delivered
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.transactions import reading, writing

__all__ = ["sweep_waits"]

MOST = 5_000
"""Deliveries that one pass looks after."""

_entity = tables.entity.c
_wait = tables.wait.c


def sweep_waits(database: Database, now: float) -> int:
    """Wake entities whose wait was over when its process died before it could say so. Returns for how many deliveries.

    A transaction for each route that is waited for: its lock comes before those of the routes that wait.
    """
    _forget(database)
    by_route: dict[str, list[str]] = {}
    found = _over(database)
    for route, key in found:
        by_route.setdefault(route, []).append(key)
    for route, keys in sorted(by_route.items()):
        wake_delivered(database, route, keys, now)
    return len(found)


@writing
def _forget(connection: Connection) -> None:
    connection.execute(_forgetting())


@reading
def _over(connection: Connection) -> Sequence[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(_delivered())]


@cache
def _forgetting() -> Delete:
    waits = exists().where(
        _entity.route_id == _wait.route_id,
        _entity.key == _wait.key,
        _entity.status.in_(("retrying", "pending")),
    )
    return delete(tables.wait).where(~waits)


@cache
def _delivered() -> Select[Any]:
    there = exists().where(
        _entity.route_id == _wait.for_id, _entity.key == _wait.for_key, _entity.delivered_hash.is_not(None)
    )
    route = tables.route.c
    joined = select(route.name, _wait.for_key).join(tables.route, route.id == _wait.for_id)
    return joined.where(there).distinct().limit(MOST)
