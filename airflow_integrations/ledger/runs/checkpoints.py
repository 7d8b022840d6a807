"""Where a route's next run begins, as people set it: its cursor and the mark of its windows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import known_route
from airflow_integrations.window import rfc3339

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Position", "clear_cursor", "position", "set_cursor", "set_mark"]

LONGEST_CURSOR = 4096


class Position(msgspec.Struct, frozen=True):
    """``mark`` is RFC 3339; None: no window was completed, no cursor was kept."""

    mark: str | None
    cursor: str | None


def position(database: Database, route: str) -> Position:
    """Where the route's next run begins. Raises RunError for a route that the ledger does not know."""
    with database.read() as connection:
        columns = select(tables.route.c.mark, tables.route.c.cursor)
        row = connection.execute(columns.where(tables.route.c.id == known_route(connection, route))).one()
    return Position(row.mark, row.cursor)


def set_cursor(database: Database, route: str, value: str, by: str, now: float) -> Position:
    """The next run asks for everything since ``value``; what was known before is returned.

    Raises RunError for an unknown route and a value that no cursor has.
    """
    if not value or len(value) > LONGEST_CURSOR or not value.isprintable():
        raise RunError(f"a cursor is a printable text of 1 to {LONGEST_CURSOR} characters")
    return _set(database, route, "cursor", value, by, now)


def clear_cursor(database: Database, route: str, by: str, now: float) -> Position:
    """The next run begins where the very first one began; what was known before is returned."""
    return _set(database, route, "cursor", None, by, now)


def set_mark(database: Database, route: str, mark: datetime, by: str, now: float) -> Position:
    """The next gapless window begins at ``mark`` less its overlap; what was known before is returned.

    It may go back, which fetches again (what was delivered is not sent again), or on, which leaves a gap.
    """
    if mark.tzinfo is None:
        raise RunError("a mark carries a time zone, such as 2026-01-31T00:00:00Z")
    return _set(database, route, "mark", rfc3339(mark), by, now)


def _set(database: Database, route: str, what: str, value: str | None, by: str, now: float) -> Position:
    with database.write() as connection:
        route_id = known_route(connection, route)
        row = connection.execute(
            select(tables.route.c.mark, tables.route.c.cursor).where(tables.route.c.id == route_id).with_for_update()
        ).one()
        before = Position(row.mark, row.cursor)
        forgotten = ("covers_from", "missed_from") if what == "mark" else ("newest",)
        moved = {what: value, **dict.fromkeys(forgotten)}
        connection.execute(update(tables.route).where(tables.route.c.id == route_id).values(moved))
        was = getattr(before, what)
        detail = f"{value if value is not None else 'cleared'}, was {was if was is not None else 'not set'}"
        record(connection, route_id, what, "{}", 0, by=by, now=now, detail=detail)
    return before
