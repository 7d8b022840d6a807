"""A logical replication slot, read over an ordinary connection: looked at, and moved on once what it held is safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_integrations.errors import SetupError
from airflow_integrations.listen.sql.changes_options import ChangesOptions

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Held", "Raw", "Slot", "held_slots", "lsn_text"]

ROWS_AT_ONCE = 100
HEAD = 5
"""Bytes that are read of a change that is too large: its kind, and the table's number."""

_WRITTEN = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END"


class Raw(NamedTuple):
    """One message of the slot."""

    lsn: int
    size: int
    data: bytes
    """Of a change that is larger than asked for only its head."""

    @property
    def cut(self) -> bool:
        return len(self.data) < self.size


@dataclass(frozen=True, slots=True)
class Held:
    """What a slot keeps, in bytes of PostgreSQL's log."""

    name: str
    plugin: str
    status: str
    """``reserved``, ``extended``, ``unreserved`` or ``lost``."""
    behind: int
    """Not taken yet."""
    kept: int
    """On PostgreSQL's disk because of the slot."""
    active: bool
    """Whether somebody is reading it at this moment."""
    limit: int | None
    """What ``max_slot_wal_keep_size`` allows; None: until the disk is full."""


def held_slots(connection: Connection) -> list[Held]:
    """The logical slots of this database."""
    rows = connection.exec_driver_sql(
        f"SELECT slot_name, plugin, coalesce(wal_status, 'lost'), "
        f"pg_wal_lsn_diff({_WRITTEN}, confirmed_flush_lsn), pg_wal_lsn_diff({_WRITTEN}, restart_lsn), active, "
        "(SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size') "
        "FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database() ORDER BY slot_name"
    )
    return [
        Held(name, plugin, status, int(behind or 0), int(kept or 0), active, limit if limit and limit > 0 else None)
        for name, plugin, status, behind, kept, active, limit in rows
    ]


class Slot:
    """Of one route. Use it on the session's thread."""

    def __init__(self, options: ChangesOptions, connection: Connection) -> None:
        self._options = options
        self._connection = connection

    def check(self) -> None:
        """Raises SetupError, with the statement that mends it, for what is not there."""
        slot, publication = self._options.slot, self._options.publication
        level = self._connection.exec_driver_sql("SHOW wal_level").scalar()
        if level != "logical":
            raise SetupError(
                f"PostgreSQL's wal_level is {level}, and changes are only told with logical: ALTER SYSTEM SET "
                "wal_level = logical, and start PostgreSQL anew"
            )
        found = self._connection.exec_driver_sql(
            "SELECT schemaname, tablename FROM pg_publication LEFT JOIN pg_publication_tables USING (pubname) "
            "WHERE pubname = %s",
            (publication,),
        ).fetchall()
        if not found:
            raise SetupError(
                f'there is no publication {publication}: CREATE PUBLICATION "{publication}" FOR TABLE …, and make the '
                "slot after it"
            )
        missing = sorted((self._options.chosen or frozenset()) - {(row[0], row[1]) for row in found})
        if missing:
            name = ".".join(missing[0])
            raise SetupError(
                f'the publication {publication} does not tell of {name}: ALTER PUBLICATION "{publication}" ADD TABLE '
                f"{name}"
            )
        held = {each.name: each for each in held_slots(self._connection)}.get(slot)
        if held is None:
            raise SetupError(
                f"there is no logical replication slot {slot} in this database. From the moment it is made PostgreSQL "
                f"keeps its log until the route has read it: SELECT pg_create_logical_replication_slot('{slot}', "
                "'pgoutput')"
            )
        if held.plugin != "pgoutput":
            raise SetupError(f"the slot {slot} is of the plugin {held.plugin}; this needs one of pgoutput")
        if held.status == "lost":
            raise SetupError(
                f"PostgreSQL has given up the slot {slot}, which was behind by more than max_slot_wal_keep_size. Its "
                f"changes are lost. Drop it (SELECT pg_drop_replication_slot('{slot}')), make it anew, and fetch "
                "the tables once as a whole"
            )
        self._connection.exec_driver_sql("SET idle_in_transaction_session_timeout = '5min'")
        self._connection.commit()

    def place(self) -> tuple[int, int]:
        """How far PostgreSQL has written, and up to where the slot was taken."""
        row = self._connection.exec_driver_sql(
            f"SELECT {_WRITTEN}::text, confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s",
            (self._options.slot,),
        ).first()
        self._connection.commit()
        if row is None:
            raise SetupError(f"the replication slot {self._options.slot} is gone")
        return lsn_number(row[0]), lsn_number(row[1])

    def peek(self, until: int, most: int) -> Iterator[Raw]:
        """What the slot holds up to a place, whole transactions: it ends behind the one with message ``most``.
        Nothing is taken. The transaction stays open while it is read."""
        from sqlalchemy import text

        query = text(
            "SELECT lsn::text, length(data), "
            "CASE WHEN length(data) > :size AND get_byte(data, 0) IN (68, 73, 85) "  # D, I, U
            "THEN substring(data FROM 1 FOR :head) ELSE data END "
            "FROM pg_logical_slot_peek_binary_changes(:slot, CAST(:until AS pg_lsn), :most, "
            "'proto_version', '1', 'publication_names', :publications)"
        )
        bound = {
            "size": self._options.max_size,
            "head": HEAD,
            "slot": self._options.slot,
            "until": lsn_text(until),
            "most": most,
            "publications": f'"{self._options.publication}"',
        }
        streamed = {"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}
        result = self._connection.execute(query, bound, execution_options=streamed)
        try:
            for lsn, size, data in result:
                yield Raw(lsn_number(lsn), size, bytes(data))
        finally:
            result.close()

    def advance(self, to: int) -> None:
        """Take what lies before this place. What a server that crashes forgets of it comes again."""
        self._connection.exec_driver_sql(
            "SELECT pg_replication_slot_advance(%s, %s::pg_lsn)", (self._options.slot, lsn_text(to))
        )

    def base_types(self, oids: list[int]) -> dict[int, int]:
        """Of domains, the type that they are made of."""
        rows: Any = self._connection.exec_driver_sql(
            "WITH RECURSIVE t (oid, base) AS (SELECT oid, typbasetype FROM pg_type WHERE oid = ANY(%s::oid[]) "
            "AND typtype = 'd' UNION ALL SELECT t.oid, p.typbasetype FROM t JOIN pg_type p ON p.oid = t.base "
            "AND p.typtype = 'd') SELECT t.oid, t.base FROM t JOIN pg_type b ON b.oid = t.base AND b.typtype <> 'd'",
            (oids,),
        )
        return {int(oid): int(base) for oid, base in rows}


def lsn_number(text: str) -> int:
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(number: int) -> str:
    """As PostgreSQL writes it: ``0/16B3748``."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"
