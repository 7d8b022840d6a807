"""What writing needs the database's leave for, table by table, and which of it we have not got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_integrations.outgoing.sql.options import SqlOptions
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.markers import prepare
from airflow_integrations.sql.rights import may_create, missing_rights

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["not_allowed"]

_MODES = {
    "upsert": ("INSERT", "UPDATE"),
    "insert": ("INSERT",),
    "append": ("INSERT",),
    "update": ("UPDATE",),
    "delete": ("DELETE",),
}


def not_allowed(database: Database, connection: Connection, options: SqlOptions, *, deletes: bool) -> list[str]:
    """``deletes``: whether the route tells the target what is gone. Raises SetupError where markers cannot be made."""
    found = missing_rights(database, connection, _wanted(options, deletes))
    if options.exactly_once and not may_create(database, connection):
        prepare(database, connection, create=False)
    return found


def _wanted(options: SqlOptions, deletes: bool) -> Mapping[str, frozenset[str]]:
    wanted: dict[str, set[str]] = {}
    for write in (*options.before, *([options.main] if options.main else []), *options.also):
        wanted.setdefault(write.table, set()).update(_MODES[write.mode])
        for child in write.children.values():
            wanted.setdefault(child.table, set()).update(("INSERT", "DELETE"))
    if options.table is not None and (deletes or options.delete_when is not None):
        wanted[options.table].add("DELETE")
        for child in options.children.values():
            wanted[child.table].add("DELETE")
    return {table: frozenset(rights) for table, rights in wanted.items()}
