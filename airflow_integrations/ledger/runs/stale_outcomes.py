"""A state that is open is not lost to what became of an older one: a row keeps the newer state's payload and fate.

It happens where two runs have an entity at once (one delivers the state before, the other waits with the next), and in
a run that takes over an entity of which it has fetched a newer state.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    TextClause,
    bindparam,
    exists,
    func,
    literal,
    select,
    text,
    update,
)

from airflow_integrations.entity import older
from airflow_integrations.ledger.records import LEASED, Outcome, RunRef
from airflow_integrations.ledger.runs.history import KEPT, line_of, printable
from airflow_integrations.ledger.runs.unanswered_sql import AFTER_DELIVERY, MAYBE, UNHEARD
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, among_given, as_parameter
from airflow_integrations.ledger.storage.open_entities import open_of_one

__all__ = ["beside_newer", "beside_the_lease"]

_entity = tables.entity.c


def beside_newer(connection: Connection, run: RunRef, outcomes: Iterable[Outcome], now: float) -> list[Outcome]:
    """The outcomes that decide on their rows. What became of a state older than its row's open one is noted there, as
    what was delivered last, and leaves the rest of the row as it is. So does the rejection of a state older than what
    was delivered: push would have passed it over. Of two states with one version, that which was passed over is older.
    """
    outcomes = list(outcomes)
    newest: dict[str, tuple[str, str | None]] = {}
    if rejected := [outcome.key for outcome in outcomes if outcome.status == "rejected"]:
        newest = _newest(connection, run, _delivered_version(connection.dialect.name), rejected)
    if connection.scalar(_any_open(connection.dialect.name), {"of_route": run.route_id}):
        keys = [outcome.key for outcome in outcomes]
        newest |= _newest(connection, run, _open_version(connection.dialect.name), keys)
    if not newest:
        return outcomes
    decisive = []
    for outcome in outcomes:
        if outcome.key not in newest or outcome.version is None or not _is_older(outcome, *newest[outcome.key]):
            decisive.append(outcome)
        else:
            _note(connection, run, outcome, now)
    return decisive


@cache
def _any_open(dialect: str) -> Select[bool]:
    return select(exists().where(open_of_one(dialect, bindparam("of_route"))))


def _is_older(outcome: Outcome, version: str, content: str | None) -> bool:
    its = printable(outcome.version or "", 512)
    passed_over = outcome.status == "superseded" and outcome.hash != content
    return older(its, version) or (passed_over and not older(version, its))


def _newest(
    connection: Connection, run: RunRef, query: Select[Any], keys: list[str]
) -> dict[str, tuple[str, str | None]]:
    """By key, of those rows that have one: the version, and the content of what is open."""
    rows = connection.execute(query, {"of_route": run.route_id, "keys": as_parameter(connection, keys)})
    return {key: (str(version), content) for key, version, content in rows}


@cache
def _delivered_version(dialect: str) -> Select[Any]:
    return _versions(dialect, _entity.delivered_version, _entity.delivered_hash.is_not(None))


@cache
def _open_version(dialect: str) -> Select[Any]:
    return _versions(dialect, _entity.version, tables.OPEN)


def _versions(dialect: str, column: Column[str | None], of: ColumnElement[bool] | TextClause) -> Select[Any]:
    mine = _entity.route_id == bindparam("of_route"), among_given(dialect, _entity.key, "keys")
    return select(_entity.key, column, _entity.hash).where(*mine, of, column.is_not(None))


def _note(connection: Connection, run: RunRef, outcome: Outcome, now: float) -> None:
    entry = line_of(outcome, run.id, now) + "\n"
    values = {"history": func.substr(literal(entry) + _entity.history, 1, KEPT), "last_seen": now, "seen_run": run.id}
    if outcome.status == "delivered":
        values |= {
            "delivered_hash": None if outcome.deleted else outcome.hash,
            "delivered_version": None if outcome.version is None else printable(outcome.version, 512),
            "delivered_at": now,
            "deliveries": _entity.deliveries + 1,
            "maybe": func.nullif(_entity.maybe, outcome.hash),
            "unheard": _sql(AFTER_DELIVERY),
        }
        if outcome.target_id is not None:
            values["target_id"] = printable(outcome.target_id, 512)
    elif outcome.unanswered:
        values |= {"maybe": _sql(MAYBE, outcome.hash), "unheard": _sql(UNHEARD, outcome.hash)}
    connection.execute(
        update(tables.entity).where(_entity.route_id == run.route_id, _entity.key == outcome.key).values(values)
    )


def _sql(statement: str, sent: str | None = None) -> TextClause:
    found = text(statement.format(e=tables.entity.name, sent="CAST(:sent AS TEXT)"))
    return found.bindparams(sent=sent) if ":sent" in found.text else found


_entity = tables.entity.c


def beside_the_lease(connection: Connection, run: RunRef, outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """Without those that were left to another run whose word about the same content is on the row, and still open: it
    may be in doubt or waiting, and must not go out again because this run says later that it has not sent it. Where
    this run has it in a newer version, the word is about that one from now on. No key twice."""
    left = {outcome.key: outcome for outcome in outcomes if outcome.error_class == LEASED}
    if not left:
        return outcomes
    rows = connection.execute(
        select(_entity.key, _entity.hash, _entity.version).where(
            _entity.route_id == run.route_id, tables.OPEN, among(connection, _entity.key, left)
        )
    )
    told = {key: version for key, content, version in rows if content is not None and content == left[key].hash}
    for key, version in told.items():
        if older(version, left[key].version):
            _is_about(connection, run, left[key])
    return [outcome for outcome in outcomes if outcome.error_class != LEASED or outcome.key not in told]


def _is_about(connection: Connection, run: RunRef, newer: Outcome) -> None:
    connection.execute(
        update(tables.entity)
        .where(_entity.route_id == run.route_id, _entity.key == newer.key)
        .values(
            version=newer.version, payload_run=run.id, payload_stage=newer.payload_stage, payload_at=newer.payload_at
        )
    )
