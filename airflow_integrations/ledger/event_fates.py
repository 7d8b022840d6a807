"""What became of events: of the entities that they brought, or, where those are not known, in the books of the run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, update

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among
from airflow_integrations.ledger.database import Database
from airflow_integrations.ledger.status import Status

__all__ = ["EntityFate", "EventFate", "ask_for", "event_fate", "event_fates"]

_event, _run, _entity = schema.event.c, schema.run.c, schema.entity.c


class EntityFate(msgspec.Struct, frozen=True):
    """What the run that took the event decided of one entity, or what is known since."""

    key: str
    status: Status
    target_id: str | None
    http_status: int | None
    message: str | None


class EventFate(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    """The ledger's own of the event."""
    route: str
    event_id: str
    received: float
    run_id: str | None
    """The run that has taken it. None: it waits."""
    done: float | None
    """When that run closed its books."""
    keys: tuple[str, ...] | None
    """Of its entities, as they came. None: nobody asked for them."""
    entities: tuple[EntityFate, ...] = ()
    """Those of ``keys`` that have their fate."""
    counts: dict[str, int] = {}
    """The books of the run, when they are closed: of all that it took."""

    @property
    def undecided(self) -> frozenset[str]:
        """Those of ``keys`` that have no fate yet."""
        return frozenset(self.keys or ()) - {entity.key for entity in self.entities}


def event_fates(database: Database, numbers: Collection[int]) -> dict[int, EventFate]:
    """By number. One that is no longer remembered is left out."""
    with database.read() as connection:
        rows = connection.execute(_events().where(_event.id.in_(sorted(numbers)))).all()
        return {row.id: _fate(connection, row) for row in rows}


def ask_for(database: Database, numbers: Collection[int]) -> None:
    """Somebody waits for these from now on, too. What a run has taken before is told from its books."""
    asked = update(schema.event).where(_event.id.in_(sorted(numbers)), _event.run.is_(None), _event.done.is_(None))
    database.transact(lambda connection: connection.execute(asked.values(wanted=True)))


def event_fate(database: Database, route: str, event_id: str) -> EventFate | None:
    """None: there was none, or it is no longer remembered."""
    with database.read() as connection:
        asked = _events().where(schema.route.c.name == route, _event.event_id == event_id)
        row = connection.execute(asked).one_or_none()
        return None if row is None else _fate(connection, row)


def _events() -> Select[Any]:
    columns: tuple[ColumnElement[Any], ...] = (
        *(_event.id, _event.route_id, _event.event_id, _event.received, _event.run, _event["keys"], _event.done),
        *(schema.route.c.name, _run.run_id, _run.counts),
    )
    of_routes = select(*columns).join(schema.route, schema.route.c.id == _event.route_id)
    return of_routes.outerjoin(schema.run, _run.id == _event.run)


def _fate(connection: Connection, row: Any) -> EventFate:
    keys = None if row.keys is None or row.run is None else tuple(msgspec.json.decode(row.keys, type=list[str]))
    return EventFate(
        number=row.id,
        route=row.name,
        event_id=row.event_id,
        received=row.received,
        run_id=row.run_id,
        done=row.done,
        keys=keys,
        entities=tuple(_entities(connection, row, keys)) if keys else (),
        counts=msgspec.json.decode(row.counts) if row.done is not None and row.counts else {},
    )


def _entities(connection: Connection, row: Any, keys: Collection[str]) -> Iterable[EntityFate]:
    """While the run goes on: those that it has decided since the event came, for it may have had the same entity
    before. Afterwards also what later runs have made of them."""
    these = (_entity.route_id == row.route_id, among(connection, _entity.key, sorted(set(keys))))
    query = select(_entity.key, _entity.status, _entity.target_id, _entity.http_status, _entity.message).where(
        *these, _entity.status != "pending", _entity.run >= row.run
    )
    if row.done is None:
        query = query.where(_entity.run == row.run, _entity.changed >= row.received)
    return (EntityFate(*found) for found in connection.execute(query))
