"""Stores: small values under a key that routes keep for each other and for later, and what people do with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, or_, select, text, update

from airflow_integrations.entity import content_hash, older
from airflow_integrations.errors import RunError
from airflow_integrations.formats.json import read
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.runs.history import printable
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.route_ids import number_of
from airflow_integrations.ledger.storage.transactions import reading, writing
from airflow_integrations.ledger.storage.upsert import insert_into
from airflow_integrations.masking.mask import HIDDEN, Mask
from airflow_integrations.masking.payloads import masked

__all__ = [
    "LARGEST",
    "NewValue",
    "StoreChange",
    "StoreLine",
    "StorePage",
    "StoreSummary",
    "find_values",
    "masked_line",
    "prune_store",
    "put_value",
    "read_values",
    "remove_value",
    "stores",
    "values_shown",
    "write_values",
]

LARGEST = 16 * 1024
"""Bytes of a value: a store is for codes and ids."""
MOST_LINES = 20
"""Changes of a value that its history keeps."""
MOST_SHOWN = 500
"""Characters of a value in its history."""
KEYS_AT_ONCE = 5_000
_TURN = 0x1ED6EC
"""PostgreSQL's advisory lock on the stores: who writes takes turns, so that rows in another order do no harm."""

_s = tables.store.c


class NewValue(msgspec.Struct, frozen=True):
    """What a run made of an entity for a store."""

    key: str
    value: bytes
    """JSON, at most :data:`LARGEST` bytes."""
    shown: bytes | None = None
    """The same as people may see it, where something of it is hidden."""
    version: str | None = None


class StoreChange(msgspec.Struct, frozen=True, array_like=True):
    """A line of a value's history."""

    at: float
    by: str
    value: str
    """The JSON that it was from then on, or its beginning, as people may see it."""


class StoreLine(msgspec.Struct, frozen=True, kw_only=True):
    """A value as people may see it."""

    store: str
    key: str
    value: str
    """JSON; what the route masks is hidden."""
    masked: bool
    route: str | None
    """The route that wrote it last."""
    by: str | None
    """The person who wrote it last; None: a run."""
    changed: float
    written: float
    expires: float | None
    history: tuple[StoreChange, ...] = ()


class StorePage(msgspec.Struct, frozen=True):
    values: tuple[StoreLine, ...]
    after: tuple[str, str] | None
    """Store and key behind which the next page begins; None: this is the last one."""


class StoreSummary(msgspec.Struct, frozen=True):
    store: str
    values: int
    newest: float


@reading
def read_values(connection: Connection, store: str, keys: Sequence[str], now: float) -> dict[str, bytes]:
    """The values, JSON, of those of the keys that the store has."""
    found: dict[str, bytes] = {}
    for first in range(0, len(keys), KEYS_AT_ONCE):
        rows = connection.execute(
            select(_s.key, _s.value).where(
                _s.name == store, among(connection, _s.key, keys[first : first + KEYS_AT_ONCE]), _kept(now)
            )
        )
        found |= {key: value.encode() for key, value in rows}
    return found


@writing
def write_values(
    connection: Connection,
    store: str,
    values: Sequence[NewValue],
    *,
    route: str,
    run_id: str,
    now: float,
    keep: float | None = None,
) -> None:
    """Write what a run made of entities. The last one of a key counts.

    What was made of an older version than what is there is passed over; what is the same as a run has written before
    does not overwrite what a person made of it since. ``keep``: seconds after which it is removed; None: never.
    """
    _take_turn(connection)
    route_id = number_of(connection, route)
    distinct = {value.key: value for value in values}
    known = {row.key: row for row in _rows(connection, store, distinct)}
    expires = None if keep is None else now + keep
    for key in sorted(distinct):
        new, row = distinct[key], known.get(key)
        made = content_hash(new.value)
        if row is not None and new.version is not None and row.version is not None and older(new.version, row.version):
            continue
        text_, shown = new.value.decode(), None if new.shown is None else new.shown.decode()
        kept = row is not None and (row.value == text_ or (row.by is not None and row.made == made))
        if row is not None and kept:
            values_ = {"written": now, "expires": expires, "version": new.version, "made": made, "route_id": route_id}
            connection.execute(update(tables.store).where(_s.name == store, _s.key == key).values(values_))
            continue
        by = f"{route} {run_id}"
        _write(
            connection,
            {
                "name": store,
                "key": key,
                "value": text_,
                "shown": shown,
                "route_id": route_id,
                "by": None,
                "version": None if new.version is None else printable(new.version, 512),
                "made": made,
                "changed": now,
                "written": now,
                "expires": expires,
                "history": _history(row, now, by, shown or text_),
            },
        )


@writing
def put_value(
    connection: Connection, store: str, key: str, value: bytes, *, by: str, now: float, route: str | None = None
) -> None:
    """A person writes a value. It holds until a run makes something else of it than it did before.

    ``route``: the route on whose page it was written, for a value that no route has written. What stands in the place
    of a value of which something is hidden is hidden as a whole. Raises RunError for a value that is too large, or
    that holds what stands for a hidden one.
    """
    if len(value) > LARGEST:
        raise RunError(f"the value has {len(value)} bytes; a store takes at most {LARGEST}")
    if HIDDEN.encode() in value:
        raise RunError(f"{HIDDEN} stands for what the route's mask hides, and is not a value; write the whole value")
    _take_turn(connection)
    row = next(iter(_rows(connection, store, [key])), None)
    route_id = row.route_id if row is not None and row.route_id is not None else None
    if route_id is None and route is not None:
        route_id = number_of(connection, route)
    text_ = value.decode()
    hidden = None if row is None or row.shown is None else f'"{HIDDEN}"'
    _write(
        connection,
        {
            "name": store,
            "key": key,
            "value": text_,
            "shown": hidden,
            "route_id": route_id,
            "by": printable(by, 250),
            "version": None if row is None else row.version,
            "made": None if row is None else row.made,
            "changed": now,
            "written": now,
            "expires": None if row is None else row.expires,
            "history": _history(row, now, by, hidden or text_),
        },
    )
    _note(connection, route_id, store, key, by, now, "set")


@writing
def remove_value(connection: Connection, store: str, key: str, *, by: str, now: float) -> None:
    """A person removes a value, with its history. Raises RunError where there is none."""
    _take_turn(connection)
    row = next(iter(_rows(connection, store, [key])), None)
    if row is None:
        raise RunError(f"the store {store} has no value {key}")
    connection.execute(delete(tables.store).where(_s.name == store, _s.key == key))
    _note(connection, row.route_id, store, key, by, now, "removed")


@reading
def find_values(
    connection: Connection,
    *,
    now: float,
    store: str | None = None,
    route: str | None = None,
    key: str | None = None,
    search: str | None = None,
    limit: int = 100,
    after: tuple[str, str] | None = None,
) -> StorePage:
    """One page of values, by store and key. ``search``: part of the key or of the value as it is shown, upper and lower
    case alike; ``route``: written last by this route."""
    owner = tables.route.c
    query = (
        select(tables.store, owner.name.label("route"))
        .join(tables.route, owner.id == _s.route_id, isouter=True)
        .where(_kept(now))
        .order_by(_s.name, _s.key)
        .limit(limit + 1)
    )
    if store is not None:
        query = query.where(_s.name == store)
    if route is not None:
        query = query.where(owner.name == route)
    if key is not None:
        query = query.where(_s.key == key)
    if search:
        visible = func.coalesce(_s.shown, _s.value)
        query = query.where(or_(_s.key.icontains(search, autoescape=True), visible.icontains(search, autoescape=True)))
    if after is not None:
        query = query.where(or_(_s.name > after[0], (_s.name == after[0]) & (_s.key > after[1])))
    rows = connection.execute(query).all()
    lines = tuple(_line(row) for row in rows[:limit])
    return StorePage(lines, (lines[-1].store, lines[-1].key) if len(rows) > limit else None)


@reading
def stores(connection: Connection, now: float) -> list[StoreSummary]:
    """The stores that have values, by name."""
    rows = connection.execute(
        select(_s.name, func.count(), func.max(_s.changed)).where(_kept(now)).group_by(_s.name).order_by(_s.name)
    )
    return [StoreSummary(*row) for row in rows]


def values_shown(database: Database, now: float) -> dict[str, dict[str, Any]]:
    """All values, by store and key, as people may see them: of a small ledger, such as that of a preview."""
    found: dict[str, dict[str, Any]] = {}
    after: tuple[str, str] | None = None
    while True:
        page = find_values(database, now=now, after=after)
        for line in page.values:
            found.setdefault(line.store, {})[line.key] = read(line.value.encode())
        if page.after is None:
            return found
        after = page.after


@writing
def prune_store(connection: Connection, now: float) -> int:
    """Remove what has expired. Returns how many values that were."""
    return connection.execute(delete(tables.store).where(_s.expires < now)).rowcount


def masked_line(line: StoreLine, mask: Mask) -> StoreLine:
    """The value as it may be shown by a mask that may have grown since it was written. Its history is left out then."""
    if not mask:
        return line
    (shown, *_), _ = masked(mask, line.value.encode())
    if shown is None or shown == line.value.encode():
        return line
    return msgspec.structs.replace(line, value=shown.decode(), masked=True, history=())


def _kept(now: float) -> ColumnElement[bool]:
    return or_(_s.expires.is_(None), _s.expires >= now)


def _take_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})


def _rows(connection: Connection, store: str, keys: Collection[str]) -> list[Row[Any]]:
    return list(
        connection.execute(select(tables.store).where(_s.name == store, among(connection, _s.key, list(keys)))).all()
    )


def _write(connection: Connection, values: dict[str, object]) -> None:
    changed = {name: value for name, value in values.items() if name not in ("name", "key")}
    connection.execute(
        insert_into(connection, tables.store)
        .values(values)
        .on_conflict_do_update(index_elements=["name", "key"], set_=changed)
    )


def _history(row: Row[Any] | None, now: float, by: str, value: str) -> str:
    line = msgspec.json.encode(StoreChange(round(now, 3), printable(by, 250), printable(value, MOST_SHOWN))).decode()
    earlier = row.history.split("\n") if row is not None and row.history else []
    return "\n".join([line, *earlier][:MOST_LINES])


def _note(connection: Connection, route_id: int | None, store: str, key: str, by: str, now: float, what: str) -> None:
    if route_id is not None:
        selection = msgspec.json.encode({"store": store, "key": key}).decode()
        record(connection, route_id, "store", selection, 1, by=by, now=now, detail=what)


def _line(row: Row[Any]) -> StoreLine:
    lines = row.history.split("\n") if row.history else []
    return StoreLine(
        store=row.name,
        key=row.key,
        value=row.value if row.shown is None else row.shown,
        masked=row.shown is not None,
        route=row.route,
        by=row.by,
        changed=row.changed,
        written=row.written,
        expires=row.expires,
        history=tuple(msgspec.json.decode(line, type=StoreChange) for line in lines),
    )
