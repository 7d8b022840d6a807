"""Cursors and marks as people set them, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ledger_rows import NOW, Rows

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.runs.checkpoints import Position, clear_cursor, position, set_cursor, set_mark
from airflow_integrations.ledger.storage.database import Database

BY = "cli:ana"


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


def test_cursor_and_mark_are_set_and_every_change_is_kept(rows):
    assert set_cursor(rows.database, "orders", "2026-01-01", BY, NOW).cursor == "c1"
    assert clear_cursor(rows.database, "orders", BY, NOW).cursor == "2026-01-01"
    set_mark(rows.database, "orders", datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=2))), BY, NOW)
    assert position(rows.database, "orders") == Position("2026-01-01T01:00:00Z", None)
    assert [(action.what, action.detail) for action in rows.actions()] == [
        ("cursor", "2026-01-01, was c1"),
        ("cursor", "cleared, was 2026-01-01"),
        ("mark", "2026-01-01T01:00:00Z, was 2026-09-01T00:00:00Z"),
    ]
    with pytest.raises(RunError, match="printable"):
        set_cursor(rows.database, "orders", "a\x1bb", BY, NOW)
    with pytest.raises(RunError, match="time zone"):
        set_mark(rows.database, "orders", datetime(2026, 1, 1), BY, NOW)
    with pytest.raises(RunError, match="does not know"):
        clear_cursor(rows.database, "stock", BY, NOW)
