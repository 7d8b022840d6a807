"""Outcomes of events: of the entities that they brought or, where those are not known, in the books of the run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, update

from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.database import Database

__all__ = ["EntityFate", "EventFate", "ask_for", "event_fate", "event_fates"]

_event, _run, _entity = tables.event.c, tables.run.c, tables.entity.c


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
    """By number. One that is no longer remembered is left out. One query, and one for each route."""
    with database.read() as connection:
        rows = connection.execute(_events().where(_event.id.in_(sorted(numbers)))).all()
        return {fate.number: fate for fate in _fates(connection, rows)}


def ask_for(database: Database, numbers: Collection[int]) -> None:
    """Somebody waits for these from now on, too. What a run has taken before is told from its books."""
    asked = update(tables.event).where(_event.id.in_(sorted(numbers)), _event.run.is_(None), _event.done.is_(None))
    database.transact(lambda connection: connection.execute(asked.values(wanted=True)))


def event_fate(database: Database, route: str, event_id: str) -> EventFate | None:
    """None: there was none, or it is no longer remembered."""
    with database.read() as connection:
        asked = _events().where(tables.route.c.name == route, _event.event_id == event_id)
        return next(_fates(connection, connection.execute(asked).all()), None)


def _events() -> Select[Any]:
    columns: tuple[ColumnElement[Any], ...] = (
        *(_event.id, _event.route_id, _event.event_id, _event.received, _event.run, _event["keys"], _event.done),
        *(tables.route.c.name, _run.run_id, _run.counts),
    )
    of_routes = select(*columns).join(tables.route, tables.route.c.id == _event.route_id)
    return of_routes.outerjoin(tables.run, _run.id == _event.run)


def _fates(connection: Connection, rows: Sequence[Any]) -> Iterator[EventFate]:
    keys = {row.id: msgspec.json.decode(row.keys, type=tuple[str, ...]) for row in rows if row.keys and row.run}
    of_route: dict[int, set[str]] = {}
    for row in rows:
        of_route.setdefault(row.route_id, set()).update(keys.get(row.id, ()))
    decided = {route_id: _decided(connection, route_id, asked) for route_id, asked in of_route.items() if asked}
    for row in rows:
        own = keys.get(row.id)
        states = decided.get(row.route_id, {})
        yield EventFate(
            number=row.id,
            route=row.name,
            event_id=row.event_id,
            received=row.received,
            run_id=row.run_id,
            done=row.done,
            keys=own,
            entities=tuple(
                EntityFate(key, state.status, state.target_id, state.http_status, state.message)
                for key in dict.fromkeys(own or ())
                if (state := states.get(key)) is not None and _is_its_fate(row, state)
            ),
            counts=msgspec.json.decode(row.counts) if row.done is not None and row.counts else {},
        )


def _decided(connection: Connection, route_id: int, keys: Collection[str]) -> dict[str, Any]:
    columns: tuple[ColumnElement[Any], ...] = (
        *(_entity.key, _entity.status, _entity.run, _entity.changed, _entity.maybe),
        *(_entity.target_id, _entity.http_status, _entity.message),
    )
    these = (_entity.route_id == route_id, among(connection, _entity.key, sorted(keys)), _entity.status != "pending")
    return {state.key: state for state in connection.execute(select(*columns).where(*these))}


def _is_its_fate(event: Any, state: Any) -> bool:
    """While the run goes on: what it has decided since the event came, for it may have had the same entity before.
    Afterwards also what later runs have made of it."""
    if event.done is None:
        if state.status == "superseded" and state.maybe is not None:  # an attempt has sent it, and another one goes on
            return False
        return bool(state.run == event.run and state.changed >= event.received)
    return bool(state.run >= event.run)
