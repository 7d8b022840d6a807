"""Where the new route writes: a table with its columns, or a path of an API."""

from __future__ import annotations

from typing import Any

from airflow_integrations.cli.command import UsageError
from airflow_integrations.cli.discover.look import discover, type_of
from airflow_integrations.cli.discover.place import one_of
from airflow_integrations.discovery import Bounds, DiscoveredField
from airflow_integrations.run import Services

__all__ = ["Target", "target_of"]

Target = tuple[dict[str, Any], tuple[DiscoveredField, ...] | None, tuple[str, ...]]
"""The outgoing, the target's fields, and those of them that identify a record there."""


async def target_of(connection: str, place: str, services: Services) -> Target:
    """Raises UsageError for a place that a route cannot be written for, SetupError and OutageError."""
    from airflow_integrations.incoming.sql.discover import CONNECTION_TYPES

    type_ = await type_of(connection, services)
    if type_ in ("http", "https"):
        return await _path(connection, place, services)
    if type_ in CONNECTION_TYPES:
        return await _table(connection, place, services)
    raise UsageError(
        f"--to {connection}:{place}: a Connection of type {type_!r}; such a route is written for a table of a database "
        "or a path of an API"
    )


async def _table(connection: str, place: str, services: Services) -> Target:
    found = await discover(connection, place, services, Bounds(), "sql")
    table = one_of(found, f"--to {connection}:{place}")
    if table.incoming is None and table.problem is None:
        raise UsageError(f"--to {connection}:{place}: a route cannot write the name of this table")
    sure = bool(table.key) and "key" not in table.guessed
    given = {field.name for field in table.fields if field.name in table.key and not field.needed}
    options: dict[str, Any] = {"connection": connection, "table": table.name}
    if sure:
        options["key"] = table.key[0] if len(table.key) == 1 else list(table.key)
    else:
        options["mode"] = "append"
    return {"sql": options}, table.fields, table.key if sure and not given else ()


async def _path(connection: str, place: str, services: Services) -> Target:
    from airflow_integrations.incoming.http.openapi.discover import document_of

    document, hash_, path = place.rpartition("#")
    if not path.startswith("/"):
        raise UsageError(f"--to {connection}:{place}: write a path of the API, such as {connection}:/sales-orders")
    if "{" in path:
        raise UsageError(f"--to {connection}:{place}: write a path without {{…}}, to which new records are sent")
    options = {"connection": connection, "method": "POST", "path": path}
    if not hash_:
        return {"http": options}, None, ()
    found = await document_of(connection, document or None, services)
    if isinstance(found, str):
        raise UsageError(f"--to {connection}:{place}: {found}")
    for known, operation, _ in found[0].operations("post"):
        if known == path:
            fields = found[0].fields(found[0].body(operation), 500)
            return {"http": options}, fields or None, ()
    raise UsageError(f"--to {connection}:{place}: {found[1]} has no POST {path}")
