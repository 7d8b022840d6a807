"""A newer version migrates the ledger while tasks of this one are at work: they go on, and nothing stands still."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_databases import sqlite_url
from ledger_runs import begin, delivered
from sqlalchemy import text

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.claims import known_entities, reserve
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.ledger.storage.schema_version import HEAD, SchemaBehind
from airflow_integrations.ledger.storage.tables import metadata


def migrate_further(database: Database, *, since: str = HEAD) -> None:
    """What a migration of a newer version may do: a column more in every table, and a table more."""
    with database.write() as connection:
        for table in metadata.tables:
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN later VARCHAR(32)"))
        connection.execute(text("ALTER TABLE integrations_entity ADD COLUMN counted INTEGER NOT NULL DEFAULT 0"))
        connection.execute(text("CREATE TABLE integrations_later (id INTEGER PRIMARY KEY)"))
        connection.execute(text("UPDATE integrations_compatibility SET since = :since"), {"since": since})
        connection.execute(text("UPDATE integrations_version SET version_num = '0999'"))


def test_a_run_goes_on_while_a_newer_version_migrates(database_url: str) -> None:
    with Ledger.open(database_url) as ours:
        run = begin(ours)
        held = reserve(ours, run, ["1", "2"], first=0, now=1.0, lease_until=100.0)
        with Ledger.open(database_url) as theirs:
            migrate_further(theirs)
        assert held.claim is not None
        conclude(ours, run, [delivered("1"), delivered("2")], now=2.0, claims=[held.claim])
        with Ledger.open(database_url) as opened:
            assert opened.schema == "0999"
            known = known_entities(opened, "orders", ["1", "2", "3"])
            assert {key: one.status for key, one in known.items()} == {"1": "delivered", "2": "delivered"}
            assert begin(opened, "second").id != run.id


def test_one_that_changed_what_this_version_needs_is_refused(database_url: str) -> None:
    with Ledger.open(database_url) as theirs:
        migrate_further(theirs, since="0999")
    with pytest.raises(SetupError, match="has schema 0999"):
        Ledger.open(database_url)


def test_who_may_not_migrate_says_what_does(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaBehind, match=f"has no tables; .* needs {HEAD}.* run `airflow-integrations ledger"):
        Ledger.open(sqlite_url(tmp_path / "none"), migrates=False)
    with Ledger.open(database_url) as ledger, ledger.write() as connection:
        for later in ("compatibility", "pace", "contract", "part", "acknowledgement"):
            connection.execute(text(f"DROP TABLE integrations_{later}"))
        connection.execute(text("ALTER TABLE integrations_claim DROP COLUMN part"))
        for later in ("newest", "covers_from", "missed_from"):
            connection.execute(text(f"ALTER TABLE integrations_route DROP COLUMN {later}"))
        connection.execute(text("ALTER TABLE integrations_overlay DROP COLUMN version"))
        connection.execute(text("ALTER TABLE integrations_subscription DROP COLUMN what"))
        connection.execute(text("UPDATE integrations_version SET version_num = '0010'"))
    with pytest.raises(SchemaBehind, match=f"has schema 0010; .* needs {HEAD}"):
        Ledger.open(database_url, migrates=False)
    Ledger.open(database_url).close()
    with Ledger.open(database_url, migrates=False) as ledger:
        assert ledger.schema == HEAD
