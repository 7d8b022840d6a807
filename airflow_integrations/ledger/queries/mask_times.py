"""By which definition a route's runs worked when, and when reasons were written: its mask may have grown since."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select

from airflow_integrations.ledger.queries.timeline import read_lines
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.route_ids import route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Past", "Worked", "pasts", "worked"]

_run, _definition, _entity = tables.run.c, tables.definition.c, tables.entity.c


class Worked(msgspec.Struct, frozen=True):
    """What the ledger knows of a route's runs and of the definitions that they worked by."""

    first: float
    """When the first run that the ledger still has began; infinite where there is none."""
    cleared: float
    """When a run began anew last, by another definition perhaps; 0: none did."""
    until: dict[str, float]
    """By the definition's hash, when the last run of it ended; infinite while one has not."""
    texts: dict[str, str]
    """By the hash, those definitions that are kept."""


class Past(msgspec.Struct, frozen=True):
    """Of one entity."""

    first_seen: float
    lines: list[list[Any]]
    """Of its history, newest first: see :func:`~airflow_integrations.ledger.queries.timeline.read_lines`."""


def worked(database: Database, route: str) -> Worked:
    """Reads all of the route's runs."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return Worked(math.inf, 0.0, {}, {})
        texts = connection.execute(
            select(_definition.hash, _definition.text).where(_definition.route_id == route_id)
        ).all()
        rows = connection.execute(
            select(
                _run.route_hash,
                func.min(_run.started),
                func.max(_run.again),
                func.max(_run.finished),
                func.count() - func.count(_run.finished),
            )
            .where(_run.route_id == route_id)
            .group_by(_run.route_hash)
        ).all()
    return Worked(
        min((first for _, first, _, _, _ in rows), default=math.inf),
        max((again or 0.0 for _, _, again, _, _ in rows), default=0.0),
        {hash_: math.inf if unfinished else ended for hash_, _, _, ended, unfinished in rows},
        {row.hash: row.text for row in texts},
    )


def pasts(database: Database, route: str, keys: Collection[str]) -> dict[str, Past]:
    """By key, some thousands at a time; entities that the ledger does not know are left out."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return {}
        rows = connection.execute(
            select(_entity.key, _entity.first_seen, _entity.history).where(
                _entity.route_id == route_id,
                among(connection, _entity.key, [key for key in keys if "\n" not in key]),
            )
        )
        return {key: Past(first, read_lines(history)) for key, first, history in rows}
