"""Slots that keep PostgreSQL's log although nobody reads them: told before the disk is full."""

from __future__ import annotations

from collections.abc import Collection

from airflow_integrations.listen.sql.slot import Held, held_slots
from airflow_integrations.plurals import sized
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.session import Session

__all__ = ["slot_troubles"]

WORRYING = 1_000_000_000
"""Bytes that a slot may keep before it is told; half of what PostgreSQL allows it, where that is less."""


async def slot_troubles(
    database: Database, used: Collection[str], *, worrying: int = WORRYING
) -> list[tuple[str, str]]:
    """Slots of a database that are in trouble or will be, each with what to do. ``used`` are those that routes name.

    Raises OutageError, SetupError and AnswerError.
    """
    async with Session(database) as session:
        held = await session.ask(lambda: held_slots(session.connection))
    found = [(each.name, _trouble(each, each.name in used, worrying)) for each in held]
    return [(name, told) for name, told in found if told is not None]


def _trouble(held: Held, used: bool, worrying: int) -> str | None:
    drop = f"SELECT pg_drop_replication_slot('{held.name}')"
    if held.status == "lost":
        again = "make it anew and fetch the tables once as a whole" if used else "nobody reads it"
        return f"PostgreSQL has given it up, and its changes are lost: {drop}; {again}"
    if held.kept < min(worrying, (held.limit or 2 * worrying) // 2):
        return None
    until = f"of {sized(held.limit)}, behind which its changes are lost" if held.limit else "until the disk is full"
    keeps = f"PostgreSQL keeps {sized(held.kept)} of its log for it, {until}"
    if used:
        return f"{keeps}: is the route switched on, and does its triggerer run? Without need of it: {drop}"
    return None if held.active else f"{keeps}, and no route reads it. If nothing else does: {drop}"
