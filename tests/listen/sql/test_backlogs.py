"""What waits at a source, and slots that keep PostgreSQL's log although nobody reads them."""

from __future__ import annotations

import asyncio

import pytest
from database_feeds import outbox
from sql_surroundings import Tables

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.listen.backlog import Backlog, backlogs
from airflow_integrations.listen.sql.slot_watch import slot_troubles
from airflow_integrations.sql.database import Database
from airflow_integrations.testing import Feed


async def nobody(bodies: object) -> None:
    raise NotImplementedError


def test_rows_that_wait_in_an_outbox(database_url: str) -> None:
    tables = Tables(database_url)
    feed = outbox(tables, where="topic = 'orders'")
    tables.run(
        "INSERT INTO outbox (payload) VALUES ('1'), ('2')", "INSERT INTO outbox (topic, payload) VALUES ('x', '3')"
    )
    assert asyncio.run(backlogs({"orders": feed.load()}, feed)) == {"orders": Backlog(rows=2)}
    feed.databases = {"db": Database("db", "postgresql+psycopg://nobody@127.0.0.1:1/db")}
    assert isinstance(asyncio.run(backlogs({"orders": feed.load()}, feed))["orders"], OutageError)


@pytest.mark.xdist_group("logical_postgres")
def test_a_slot_that_nobody_reads_is_told(logical_url: str) -> None:
    tables = Tables(logical_url)
    tables.run("CREATE TABLE t (id int)", "CREATE PUBLICATION p FOR TABLE t")
    config = {"connection": "db", "publication": "p", "slot": "mine"}
    database = Database("db", logical_url)
    feed = Feed(kind="postgres_changes", config=config, databases={"db": database}, publish=nobody)
    routes = {"orders": feed.load()}
    assert isinstance(asyncio.run(backlogs(routes, feed))["orders"], SetupError)
    for slot in ("mine", "forgotten"):
        tables.run(f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")
    tables.run("INSERT INTO t SELECT generate_series(1, 2000)")
    waits = asyncio.run(backlogs(routes, feed))["orders"]
    assert isinstance(waits, Backlog)
    assert waits.size is not None
    assert waits.size > 100_000
    assert asyncio.run(slot_troubles(database, {"mine"})) == []
    told = dict(asyncio.run(slot_troubles(database, {"mine"}, worrying=100_000)))
    assert "is the route switched on" in told["mine"]
    assert "no route reads it" in told["forgotten"]
    assert "pg_drop_replication_slot('forgotten')" in told["forgotten"]
    assert "until the disk is full" in told["forgotten"]
