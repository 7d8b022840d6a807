"""The table in a target's database that remembers which state of each entity was written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_integrations.errors import SetupError
from airflow_integrations.formats.json import encode
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.errors import what_was_said

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["TABLE", "Marker", "RaceError", "claim", "forget", "marked", "prepare"]

TABLE = "airflow_integrations_written"
BULK = 100
"""From so many on PostgreSQL takes them by COPY: half the time."""
SOME = 500
"""Markers that one statement looks for."""


class RaceError(Exception):
    """Another transaction writes the same markers at this moment: an attempt that is thought dead. Try again."""


class Marker(NamedTuple):
    """One state of one entity, about to be written."""

    id: str
    """Of the entity. A hash: databases compare texts in their own ways, and bound the length of keys."""
    state: str
    """The idempotency key: the same for every attempt to write this state."""
    route: str
    entity_key: str
    version: str | None
    batch: str
    """The state of the batch's first entity."""
    written_at: int

    @classmethod
    def of(cls, route: str, key: str, state: str, *, version: str | None, batch: str, at: float) -> Marker:
        name = hashlib.blake2b(f"{route}\0{key}".encode(), digest_size=16).hexdigest()
        return cls(name, state, route[:200], key, version and version[:200], batch, int(at))


def markers_table() -> Table:
    from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Unicode

    made = Table(
        TABLE,
        MetaData(),
        Column("id", String(32), primary_key=True),
        Column("state", String(32), nullable=False),
        Column("route", Unicode(200), nullable=False),
        Column("entity_key", Unicode(512), nullable=False),
        Column("version", Unicode(200)),
        Column("batch", String(32), nullable=False),
        Column("written_at", BigInteger, nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )
    Index("ix_airflow_integrations_written_at", made.c.written_at)
    return made


def prepare(database: Database, connection: Connection, *, create: bool = True) -> bool:
    """Make sure that the table is there; whether it was made now. Raises SetupError where it is missing."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import DBAPIError

    if inspect(connection).has_table(TABLE):
        return False
    remedy = f"Let somebody who may run airflow-integrations sql prepare {database.name}, or write exactly_once: false"
    if not create:
        raise SetupError(f"Connection {database.name!r}: there is no table {TABLE}. {remedy}")
    try:
        connection.rollback()
        markers_table().create(connection, checkfirst=False)
        connection.commit()
    except DBAPIError as error:
        connection.rollback()
        if inspect(connection).has_table(TABLE):  # another task was quicker
            return False
        said = what_was_said(error)
        raise SetupError(
            f"Connection {database.name!r}: the table {TABLE}, by which nothing is written twice, is missing and could "
            f"not be made: {said}. {remedy}"
        ) from None
    return True


def marked(connection: Connection, markers: Sequence[Marker], *, lock: bool = False) -> dict[str, str]:
    """The state that was written last of each of these entities, by the id of its marker."""
    from sqlalchemy import select

    table = markers_table()
    found: dict[str, str] = {}
    ids = sorted(marker.id for marker in markers)
    for at in range(0, len(ids), SOME):
        wanted = select(table.c.id, table.c.state).where(table.c.id.in_(ids[at : at + SOME]))
        rows = connection.execute(wanted.with_for_update() if lock else wanted)
        found.update((row[0], row[1]) for row in rows)
    return found


def claim(database: Database, connection: Connection, markers: Sequence[Marker]) -> set[str]:
    """Write the markers, in the transaction that writes the entities. Returns the ids of those whose state was written
    before, by a transaction that was committed: they are not to be written again.

    A transaction of another attempt that is still open is waited for. Raises RaceError where that cannot be done.
    """
    if database.dialect == "postgresql":
        return _claim_at_once(connection, markers)
    from sqlalchemy import bindparam
    from sqlalchemy.exc import IntegrityError

    known = marked(connection, markers, lock=database.dialect != "sqlite")
    written = {marker.id for marker in markers if known.get(marker.id) == marker.state}
    table = markers_table()
    rows = {marker.id: marker._asdict() for marker in markers if marker.id not in written}
    new = [row for id_, row in rows.items() if id_ not in known]
    changed = [{**row, "id_": id_} for id_, row in rows.items() if id_ in known]
    if new:
        try:
            connection.execute(table.insert(), new)
        except IntegrityError as error:
            raise RaceError from error
    if changed:
        names = ("state", "version", "batch", "written_at")
        update = table.update().where(table.c.id == bindparam("id_"))
        connection.execute(
            update.values({name: bindparam(name) for name in names}),
            [{name: row[name] for name in ("id_", *names)} for row in changed],
        )
    return written


_COLUMNS = ", ".join(Marker._fields)
_CLAIM = f"""
INSERT INTO {TABLE} AS m ({_COLUMNS}) SELECT {_COLUMNS} FROM %s
ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version, batch = excluded.batch,
    written_at = excluded.written_at
WHERE m.state <> excluded.state RETURNING id
"""
_RECORDS = """json_to_recordset(%s::json)
    AS x (id text, state text, route text, entity_key text, version text, batch text, written_at bigint)"""
_COPY = "integrations_markers"


def _claim_at_once(connection: Connection, markers: Sequence[Marker]) -> set[str]:
    ordered = sorted(markers)  # so that no two transactions wait for each other
    raw: Any = connection.connection.cursor()
    try:
        if len(ordered) < BULK:
            raw.execute(_CLAIM % _RECORDS, (encode([marker._asdict() for marker in ordered]).decode(),))
        else:
            made = f"SELECT {_COLUMNS} FROM {TABLE} WITH NO DATA"
            raw.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {_COPY} ON COMMIT DELETE ROWS AS {made}")
            raw.execute(f"DELETE FROM {_COPY}")
            with raw.copy(f"COPY {_COPY} ({_COLUMNS}) FROM STDIN") as into:
                for marker in ordered:
                    into.write_row(marker)
            raw.execute(_CLAIM % _COPY)
        fresh = {row[0] for row in raw.fetchall()}
    finally:
        raw.close()
    return {marker.id for marker in ordered if marker.id not in fresh}


def forget(connection: Connection, *, route: str | None = None, before: float | None = None) -> int:
    """Delete markers: of a route, or those written before a moment (Unix seconds). Returns how many."""
    from sqlalchemy import delete

    table = markers_table()
    statement = delete(table)
    if route is not None:
        statement = statement.where(table.c.route == route)
    if before is not None:
        statement = statement.where(table.c.written_at < int(before))
    count = connection.execute(statement).rowcount
    connection.commit()
    return count
