"""Open entities whose payload lies in the folder of a run that begins anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, bindparam, select, update

from airflow_integrations.ledger.records import PayloadStage, RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, lock_route
from airflow_integrations.ledger.storage.open_entities import open_of_one
from airflow_integrations.ledger.storage.transactions import reading, writing

__all__ = ["left_in", "move_payloads", "places_in"]

_entity = tables.entity.c
_MOVE: Final = (
    update(tables.entity)
    .where(
        _entity.route_id == bindparam("of_route", type_=BigInteger),
        _entity.key == bindparam("of_key"),
        _entity.payload_run == bindparam("of_run", type_=BigInteger),
    )
    .values(payload_at=bindparam("place"))
)


@reading
def left_in(connection: Connection, run: RunRef) -> list[str]:
    """Return keys of open entities whose payload lies in this run's folder, in the order in which it lies there.

    Also of those that the run has taken over: should it die before it has decided them, a later run needs them. Without
    those whose payload is held.
    """
    return list(connection.scalars(_left(connection.dialect.name), {"of_route": run.route_id, "of_run": run.id}))


@cache
def _left(dialect: str) -> Select[Any]:
    its = _entity.payload_run == bindparam("of_run"), _entity.payload_at >= 0
    found = select(_entity.key).where(open_of_one(dialect, bindparam("of_route")), *its)
    return found.order_by(_entity.payload_stage, _entity.payload_at, _entity.key)


@reading
def places_in(connection: Connection, run: RunRef, keys: Sequence[str]) -> list[tuple[str, PayloadStage, int]]:
    """Return key, stage and place of those of the keys whose payload lies in this run's folder; ask for some thousands
    at a time."""
    rows = connection.execute(
        select(_entity.key, _entity.payload_stage, _entity.payload_at).where(
            _entity.route_id == run.route_id, among(connection, _entity.key, keys), _entity.payload_run == run.id
        )
    )
    return [(key, stage, at) for key, stage, at in rows]


@writing
def move_payloads(connection: Connection, run: RunRef, places: Sequence[tuple[str, int]]) -> None:
    """Payloads of these keys that lie in this run's folder have another place there; some thousands at a time."""
    lock_route(connection, run.route_id)
    of = {"of_route": run.route_id, "of_run": run.id}
    connection.execute(_MOVE, [{**of, "of_key": key, "place": place} for key, place in places])
