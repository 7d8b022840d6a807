"""A big load leaves statistics behind that the planner can use, before autovacuum comes by."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ledger_rows import Rows
from sqlalchemy import text

from airflow_integrations.ledger.maintenance.planner_statistics import analyze_where_due
from airflow_integrations.ledger.storage.database import Database

ROWS = 12_000


def counted(database: Database) -> tuple[int, int]:
    """What PostgreSQL says of the table of entities: rows changed since it was analyzed, and rows by its statistics.
    Counts reach the view within a second or so of their transaction."""
    with database.read() as connection:
        row = connection.execute(
            text(
                "SELECT n_mod_since_analyze, reltuples FROM pg_stat_user_tables JOIN pg_class ON oid = relid "
                "WHERE relid = 'integrations_entity'::regclass"
            )
        ).one()
    return int(row[0]), int(row[1])


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """One that no test before has changed anything in: PostgreSQL counts that."""
    with Database.open(database_url) as opened:
        yield opened


def test_what_has_changed_much_is_analyzed_once(database: Database) -> None:
    if database.dialect != "postgresql":
        assert analyze_where_due(database) == []
        return
    rows = Rows(database)
    rows.entity("1", "delivered")
    assert analyze_where_due(database) == []
    with database.write() as connection:
        connection.execute(text("ALTER TABLE integrations_entity SET (autovacuum_enabled = false)"))
        columns = "route_id, status, run, changed, first_seen, last_seen, seen_run"
        connection.execute(
            text(
                f"INSERT INTO integrations_entity (key, {columns}) SELECT 'k' || i, {columns} "
                f"FROM integrations_entity, generate_series(1, {ROWS}) AS i WHERE key = '1'"
            )
        )
    end = time.monotonic() + 30
    while counted(database)[0] < ROWS:
        assert time.monotonic() < end, "the counts of the load did not reach the statistics view"
        time.sleep(0.05)
    assert analyze_where_due(database) == ["integrations_entity"]
    assert counted(database)[1] >= ROWS
    assert analyze_where_due(database) == []
