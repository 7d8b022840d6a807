"""The bell is heard within milliseconds, by the route that it is for, and a lost connection is made good."""

from __future__ import annotations

import asyncio
import secrets
import time

import pytest
from sqlalchemy import text

from airflow_integrations.ledger.inbox.consumers import consumed, hold, release_consumer
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.notifications import application_name, bell_of

ROUTE = f"orders_{secrets.token_hex(4)}"
"""Notices are for all who listen in a database, and other tests have their ledgers in the same one."""


def put(database: Database, name: str, route: str = ROUTE) -> None:
    event = NewEvent(route=route, event_id=name, body=b"[]", source="webhook")
    Inbox(database).put([event], time.time())


async def heard(bell, seconds: float) -> float:
    """How long the wait took."""
    begun = time.monotonic()
    await bell.wait(seconds)
    return time.monotonic() - begun


async def settled(bell) -> None:
    """What came before is heard once; then it is still."""
    while await heard(bell, 0.5) < 0.4:
        pass


async def listening(database: Database, *, but: frozenset[int] = frozenset()) -> frozenset[int]:
    """Wait until PostgreSQL has a connection of the bell that listens, other than these; its process id."""
    if database.dialect == "sqlite":
        return frozenset()
    query = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name "
        "AND state = 'idle' AND query LIKE 'LISTEN%'"
    )
    async with asyncio.timeout(20):
        while True:
            with database.read() as connection:
                if found := frozenset(connection.scalars(query, {"name": application_name(ROUTE)})) - but:
                    return found
            await asyncio.sleep(0.02)


async def test_it_is_heard_at_once_and_only_then(database: Database) -> None:
    async with bell_of(database, ROUTE) as bell:
        await listening(database)
        await settled(bell)
        waiting = asyncio.create_task(heard(bell, 20))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(put, database, "a")
        assert await waiting < 15
        await settled(bell)


async def test_what_came_before_the_wait_is_heard(database: Database) -> None:
    async with bell_of(database, ROUTE) as bell:
        await listening(database)
        await settled(bell)
        await asyncio.to_thread(put, database, "a")
        await asyncio.sleep(0.2)
        assert await heard(bell, 20) < 15


async def test_other_routes_ring_elsewhere(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite's bell hears every commit")
    async with bell_of(database, ROUTE) as bell:
        await listening(database)
        await settled(bell)
        await asyncio.to_thread(put, database, "a", f"{ROUTE}_other")
        assert await heard(bell, 0.5) >= 0.4


async def test_a_lost_connection_is_made_again(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    async with bell_of(database, ROUTE) as bell:
        first = await listening(database)
        await settled(bell)
        (pid,) = first
        with database.write() as connection:
            assert connection.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        assert await heard(bell, 20) < 15  # it says that something may have been missed
        await listening(database, but=first)
        await settled(bell)
        await asyncio.to_thread(put, database, "a")
        assert await heard(bell, 20) < 15


def test_one_consumer_at_a_time(database: Database) -> None:
    assert hold(database, "orders", "one", until=20.0, now=10.0)
    assert not hold(database, "orders", "two", until=30.0, now=15.0)
    assert hold(database, "orders", "one", until=25.0, now=15.0)
    assert hold(database, "stock", "two", until=30.0, now=15.0)
    assert consumed(database, 22.0) == {"orders", "stock"}
    assert hold(database, "orders", "two", until=40.0, now=26.0)  # its lease has passed
    assert not hold(database, "orders", "one", until=50.0, now=27.0)
    release_consumer(database, "orders", "one")  # not its own any more
    assert consumed(database, 35.0) == {"orders"}
    release_consumer(database, "orders", "two")
    assert consumed(database, 20.0) == {"stock"}
