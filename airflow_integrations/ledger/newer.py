"""A state that is open is not lost to what became of an older one: a row keeps the newer state's payload and fate.

It happens where two runs have an entity at once (one delivers the state before, the other waits with the next), and in
a run that takes over an entity of which it has fetched a newer state.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, ColumnElement, Connection, TextClause, exists, func, literal, select, update

from airflow_integrations.entity import older
from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among
from airflow_integrations.ledger.history import KEPT, line_of, printable
from airflow_integrations.ledger.open_rows import open_of
from airflow_integrations.ledger.records import Outcome, RunRef

__all__ = ["beside_newer"]

_entity = schema.entity.c


def beside_newer(connection: Connection, run: RunRef, outcomes: Iterable[Outcome], now: float) -> list[Outcome]:
    """The outcomes that decide on their rows. What became of a state older than its row's open one is noted there, as
    what was delivered last, and leaves the rest of the row as it is. So does the rejection of a state older than what
    was delivered: push would have passed it over."""
    outcomes = list(outcomes)
    versions: dict[str, str] = {}
    if rejected := [outcome.key for outcome in outcomes if outcome.status == "rejected"]:
        versions = _versions(connection, run, _entity.delivered_version, _entity.delivered_hash.is_not(None), rejected)
    if connection.scalar(select(exists().where(open_of(connection, [run.route_id])))):
        keys = [outcome.key for outcome in outcomes]
        versions |= _versions(connection, run, _entity.version, schema.OPEN, keys)
    if not versions:
        return outcomes
    decisive = []
    for outcome in outcomes:
        newest = versions.get(outcome.key)
        if newest is None or outcome.version is None or not older(printable(outcome.version, 512), newest):
            decisive.append(outcome)
        else:
            _note(connection, run, outcome, now)
    return decisive


def _versions(
    connection: Connection,
    run: RunRef,
    column: Column[str | None],
    of: ColumnElement[bool] | TextClause,
    keys: list[str],
) -> dict[str, str]:
    """By key, of those rows that have one."""
    rows = connection.execute(
        select(_entity.key, column).where(
            _entity.route_id == run.route_id, of, column.is_not(None), among(connection, _entity.key, keys)
        )
    )
    return {key: str(version) for key, version in rows}


def _note(connection: Connection, run: RunRef, outcome: Outcome, now: float) -> None:
    entry = line_of(outcome, run.id, now) + "\n"
    values = {"history": func.substr(literal(entry) + _entity.history, 1, KEPT), "last_seen": now, "seen_run": run.id}
    if outcome.status == "delivered":
        values |= {
            "delivered_hash": None if outcome.deleted else outcome.hash,
            "delivered_version": None if outcome.version is None else printable(outcome.version, 512),
            "delivered_at": now,
            "deliveries": _entity.deliveries + 1,
        }
        if outcome.target_id is not None:
            values["target_id"] = printable(outcome.target_id, 512)
    connection.execute(
        update(schema.entity).where(_entity.route_id == run.route_id, _entity.key == outcome.key).values(values)
    )
