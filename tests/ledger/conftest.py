"""Every test that asks for ``database`` or ``ledger``, or for the URL of one, runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ledger_databases import postgres_url, sqlite_url

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a database without any tables, for tests that make them, or damage them."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        with postgres_url() as url:
            yield url


@pytest.fixture
def database(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger's, at ``ledger_url``."""
    from airflow_integrations.ledger.ledger import Ledger

    with Ledger.open(ledger_url) as opened:
        yield opened


@pytest.fixture
def ledger(database: Ledger) -> Ledger:
    """The same: a ledger is a database."""
    return database
