"""Tokens that a system exchanges for new ones: kept before they are used, and exchanged by one process at a time.

What is kept is encrypted by whoever keeps it; nothing here has a key.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, or_, select, update

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.transactions import reading, writing
from airflow_integrations.ledger.storage.upsert import insert_into

__all__ = ["claim", "forget", "give_back", "keep", "read"]

_token = tables.token.c


@reading
def read(connection: Connection, name: str) -> bytes | None:
    """What was kept last for a Connection."""
    found: bytes | None = connection.scalar(select(_token.secret).where(_token.connection == name))
    return found


@writing
def claim(connection: Connection, name: str, holder: str, now: float, until: float) -> bool:
    """Whether ``holder`` may exchange it: nobody else does until then, or until it keeps or gives back."""
    connection.execute(
        insert_into(connection, tables.token)
        .values(connection=name, given=now, lease_until=0.0)
        .on_conflict_do_nothing()
    )
    taken = connection.execute(
        update(tables.token)
        .where(_token.connection == name, or_(_token.lease_until <= now, _token.holder == holder))
        .values(holder=holder, lease_until=until)
    )
    return taken.rowcount == 1


@writing
def keep(connection: Connection, name: str, secret: bytes, now: float) -> None:
    """In the place of what was kept before. Whoever exchanged it does so no more."""
    values = {"secret": secret, "given": now, "holder": None, "lease_until": 0.0}
    statement = insert_into(connection, tables.token).values(connection=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["connection"], set_=values))


@writing
def give_back(connection: Connection, name: str, holder: str) -> None:
    """It was not exchanged: another may try."""
    connection.execute(
        update(tables.token)
        .where(_token.connection == name, _token.holder == holder)
        .values(holder=None, lease_until=0.0)
    )


@writing
def forget(connection: Connection, name: str) -> bool:
    """Whether there was one."""
    return connection.execute(delete(tables.token).where(_token.connection == name)).rowcount == 1
