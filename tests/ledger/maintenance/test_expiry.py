"""Nobody confirmed them in time, on both databases."""

from __future__ import annotations

import pytest
from ledger_rows import NOW, Rows

from airflow_integrations.ledger.maintenance.expiry import EXPIRED, expire
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.storage.database import Database


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


def test_what_waited_too_long_is_failed(rows):
    rows.open("1", "waiting", deadline=NOW - 1, attempts=1)
    rows.open("2", "waiting", deadline=NOW + 1)
    rows.open("3", "waiting", deadline=None)
    rows.open("4", "retrying", deadline=NOW - 1)
    Rows(rows.database, "stock").open("1", "waiting", deadline=NOW - 1)
    assert expire(rows.database, NOW) == 2
    row = rows.of("1")
    assert (row.status, row.error_class, row.message, row.changed) == ("failed", "expired", EXPIRED, NOW)
    assert [rows.of(key).status for key in "234"] == ["waiting", "waiting", "retrying"]
    found = where(rows.database, "orders", "1", NOW)
    assert found is not None
    assert found.history[0].reason == EXPIRED
    assert rows.actions() == []
    assert expire(rows.database, NOW) == 0
