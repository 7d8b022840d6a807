"""What routes with a contract have learned of their sources' fields.

Runs beside each other each add what they have seen, behind a lock of the row: nothing of it is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec
from sqlalchemy import Connection, delete, select, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import known_route, number_of, route_number
from airflow_integrations.ledger.storage.transactions import reading, writing
from airflow_integrations.ledger.storage.upsert import insert_into
from airflow_integrations.route.contracts.learned import Drift, Learned, accept

__all__ = ["accept_drift", "change_learned", "forget_learned", "learned_of"]

_c = tables.contract.c
_decoder = msgspec.json.Decoder(Learned)


@reading
def learned_of(connection: Connection, route: str) -> Learned | None:
    """What is known of the route's source; None where nothing was learned."""
    route_id = route_number(connection, route)
    return None if route_id is None else _read(connection, route_id)


@writing
def change_learned(connection: Connection, route: str, change: Callable[[Learned], Learned], now: float) -> Learned:
    """Have ``change`` add to what is known, with nobody else at it. It may be called again."""
    route_id = number_of(connection, route)
    empty = insert_into(connection, tables.contract).values(route_id=route_id, learned="{}", changed=now)
    connection.execute(empty.on_conflict_do_nothing())
    before = connection.execute(select(_c.learned).where(_c.route_id == route_id).with_for_update()).scalar_one()
    after = change(_decoder.decode(before))
    text = msgspec.json.encode(after).decode()
    if text != before:
        connection.execute(update(tables.contract).where(_c.route_id == route_id).values(learned=text, changed=now))
    return after


@writing
def accept_drift(connection: Connection, route: str, paths: Collection[str], by: str, now: float) -> list[Drift]:
    """Take what differs for right from now on: of these fields, or all (none). Returns what it was.

    Raises RunError for a route that has not run, and for a path at which nothing differs.
    """
    route_id = known_route(connection, route)
    statement = select(_c.learned).where(_c.route_id == route_id).with_for_update()
    before = connection.execute(statement).scalar_one_or_none()
    learned = _decoder.decode(before or "{}")
    accepted = accept(learned, paths)
    if accepted:
        text = msgspec.json.encode(learned).decode()
        connection.execute(update(tables.contract).where(_c.route_id == route_id).values(learned=text, changed=now))
        selection = msgspec.json.encode([drift.path for drift in accepted]).decode()
        detail = "; ".join(map(str, accepted))
        record(connection, route_id, "contract", selection, 0, by=by, now=now, detail=detail)
    return accepted


@writing
def forget_learned(connection: Connection, route: str, by: str, now: float) -> None:
    """The next runs are learned from anew. Raises RunError where nothing was learned."""
    route_id = known_route(connection, route)
    if not connection.execute(delete(tables.contract).where(_c.route_id == route_id)).rowcount:
        raise RunError(f"nothing was learned of the fields of {route}: does it have a contract, and has it run since?")
    record(connection, route_id, "contract", "[]", 0, by=by, now=now, detail="what was learned is forgotten")


def _read(connection: Connection, route_id: int) -> Learned | None:
    text = connection.scalar(select(_c.learned).where(_c.route_id == route_id))
    return None if text is None else _decoder.decode(text)
