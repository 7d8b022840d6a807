"""Which steps of an entity the target has confirmed: kept until the entity is delivered, or other content is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, select

from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, lock_entities
from airflow_integrations.ledger.storage.transactions import reading, writing

__all__ = [
    "change_progress",
    "drop_progress",
    "end_other_progress",
    "known_progress",
    "note_progress",
    "partly_there",
    "progress_of",
    "write_progress",
]

_p = tables.progress.c
KEYS_AT_ONCE = 1_000
_ANY: Final = select(exists().where(_p.route_id == bindparam("of_route")))


@reading
def known_progress(connection: Connection, run: RunRef, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Content hash and steps of those keys of which the ledger has some."""
    if not _any(connection, run.route_id):
        return {}
    rows = connection.execute(
        select(_p.key, _p.hash, _p.steps).where(_p.route_id == run.route_id, among(connection, _p.key, keys))
    )
    return {key: (content, steps) for key, content, steps in rows}


@writing
def note_progress(connection: Connection, run: RunRef, steps: Sequence[tuple[str, str, str]]) -> None:
    """Note key, content hash and steps of entities that have no outcome."""
    lock_entities(connection, run.route_id)
    _replace(connection, run.route_id, {key: (content, told) for key, content, told in steps})


def write_progress(connection: Connection, run: RunRef, outcomes: Sequence[Outcome]) -> None:
    """What outcomes say of steps, in their order. A delivery ends what there was, and so does other content that may
    have arrived: the steps before it no longer count."""
    if all(outcome.steps is None for outcome in outcomes) and not _any(connection, run.route_id):
        return
    latest: dict[str, tuple[str, str] | None] = {}
    for outcome in outcomes:
        if outcome.steps is not None and outcome.hash is not None:
            latest[outcome.key] = (outcome.hash, outcome.steps)
        elif outcome.status == "delivered" or outcome.unanswered:
            latest[outcome.key] = None
    noted = {key: told for key, told in latest.items() if told is not None}
    drop_progress(connection, run.route_id, [key for key, told in latest.items() if told is None])
    _replace(connection, run.route_id, noted)


def drop_progress(connection: Connection, route_id: int, keys: Sequence[str]) -> None:
    """Forget the steps of entities."""
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = among(connection, _p.key, keys[first : first + KEYS_AT_ONCE])
        connection.execute(delete(tables.progress).where(_p.route_id == route_id, some))


def end_other_progress(connection: Connection, route_id: int, sent: dict[str, str]) -> None:
    """Forget the steps of content other than what was sent since, by key: that may have arrived behind them."""
    if not _any(connection, route_id):
        return
    keys, outdated = list(sent), []
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = among(connection, _p.key, keys[first : first + KEYS_AT_ONCE])
        rows = connection.execute(select(_p.key, _p.hash).where(_p.route_id == route_id, some))
        outdated += [row.key for row in rows if row.hash != sent[row.key]]
    drop_progress(connection, route_id, outdated)


def change_progress(connection: Connection, route_id: int, keys: Sequence[str], change: Callable[[str], str]) -> None:
    """Rewrite the steps of those keys that have some."""
    rows = connection.execute(
        select(_p.key, _p.hash, _p.steps).where(_p.route_id == route_id, among(connection, _p.key, keys))
    ).all()
    _replace(connection, route_id, {key: (content, change(steps)) for key, content, steps in rows})


def progress_of(connection: Connection, route_id: int, keys: Sequence[str]) -> dict[str, str]:
    """The steps of those keys that have some."""
    rows = connection.execute(select(_p.key, _p.steps).where(_p.route_id == route_id, among(connection, _p.key, keys)))
    return {row.key: row.steps for row in rows}


def partly_there() -> ColumnElement[bool]:
    """SQL: the target has confirmed steps of the entity's open state."""
    e = tables.entity.c
    return exists().where(_p.route_id == e.route_id, _p.key == e.key, _p.hash == e.hash, _p.steps.like('{"done":[[%'))


def _replace(connection: Connection, route_id: int, steps: dict[str, tuple[str, str]]) -> None:
    if not steps:
        return
    drop_progress(connection, route_id, list(steps))
    rows = [
        {"of": route_id, "its": key, "content": content, "told": told} for key, (content, told) in sorted(steps.items())
    ]
    values: dict[str, Any] = {"route_id": bindparam("of"), "key": bindparam("its"), "hash": bindparam("content")}
    connection.execute(insert(tables.progress).values(**values, steps=bindparam("told")), rows)


def _any(connection: Connection, route_id: int) -> bool:
    """Most routes have none: that costs one look at the index."""
    return bool(connection.scalar(_ANY, {"of_route": route_id}))
