"""Questions of a fetch before it begins, and of settle about lost entities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, not_, select

from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among_given, as_parameter
from airflow_integrations.ledger.storage.open_entities import open_of_one
from airflow_integrations.ledger.storage.transactions import reading
from airflow_integrations.window import Window

__all__ = ["first_window", "kept_in", "undecided", "window_of_run"]

_entity = tables.entity.c
_run = tables.run.c
_HELD = and_(_entity.status == "in_doubt", _entity.next_attempt.is_(None))
"""A person has to decide; a fetch that starts over must not."""
_WINDOW: Final = (
    select(_run.window_start, _run.window_end)
    .join(tables.route, tables.route.c.id == _run.route_id)
    .where(tables.route.c.name == bindparam("route"), _run.run_id == bindparam("of"))
)
_STARTS: Final = (
    select(_run.window_start)
    .join(tables.route, tables.route.c.id == _run.route_id)
    .where(tables.route.c.name == bindparam("route"), _run.kind.in_(("scheduled", "asset")))
)
_LEFT = ("pending", "rejected", "failed", "retrying", "in_doubt")


@reading
def window_of_run(connection: Connection, route: str, run_id: str) -> Window | None:
    """Return the window that a run was begun with; None where the ledger does not know the run."""
    row = connection.execute(_WINDOW, {"route": route, "of": run_id}).one_or_none()
    return None if row is None else Window.parse(row.window_start, row.window_end)


@reading
def first_window(connection: Connection, route: str) -> datetime | None:
    """Return where the earliest window begins that a run by schedule or assets of the route was begun with."""
    starts = connection.scalars(_STARTS, {"route": route})
    return min(map(datetime.fromisoformat, starts), default=None)


@reading
def kept_in(connection: Connection, run: RunRef) -> list[str]:
    """Return keys of entities that nothing became of yet and whose payload lies in this run's folder, but for those in
    doubt that are held for a person: see :func:`~airflow_integrations.ledger.runs.held_payloads.left_in`."""
    return list(connection.scalars(_kept(connection.dialect.name), {"of_route": run.route_id, "of_run": run.id}))


@cache
def _kept(dialect: str) -> Select[Any]:
    its = _entity.payload_run == bindparam("of_run"), _entity.status.in_(_LEFT), not_(_HELD)
    return select(_entity.key).where(open_of_one(dialect, bindparam("of_route")), *its).order_by(_entity.key)


@reading
def undecided(connection: Connection, run: RunRef, keys: Sequence[str]) -> list[str]:
    """Return those of the keys that the run has not decided the fate of; ask for some thousands at a time."""
    given = {"of_route": run.route_id, "of_run": run.id, "keys": as_parameter(connection, keys)}
    decided = set(connection.scalars(_decided(connection.dialect.name), given))
    return [key for key in keys if key not in decided]


@cache
def _decided(dialect: str) -> Select[Any]:
    these = _entity.route_id == bindparam("of_route"), among_given(dialect, _entity.key, "keys")
    return select(_entity.key).where(*these, _entity.run == bindparam("of_run"), _entity.status != "pending")


@reading
def not_decided(connection: Connection, run: RunRef) -> list[tuple[str, str | None]]:
    """Key and version of what the run has taken over and not decided the fate of."""
    found = connection.execute(_not_decided(connection.dialect.name), {"of_route": run.route_id, "of_run": run.id})
    return [(row.key, row.version) for row in found]


@cache
def _not_decided(dialect: str) -> Select[Any]:
    taken = _entity.status == "pending", _entity.run == bindparam("of_run")
    found = select(_entity.key, _entity.version).where(open_of_one(dialect, bindparam("of_route")), *taken)
    return found.order_by(_entity.key)
