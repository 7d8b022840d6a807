"""PostgreSQL's statistics of the ledger's tables, where its own autovacuum has not caught up with a big load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["analyze_where_due"]

CHANGED = 10_000
"""Rows that changed since the statistics were made, at least."""
SHARE = 0.2
"""And so much of the table: what autovacuum's default of a tenth leaves, it has then had its time for."""

_DUE = text(
    "SELECT relname FROM pg_stat_user_tables WHERE relname LIKE 'integrations!_%' ESCAPE '!' "
    "AND relid::regclass::oid IN (SELECT oid FROM pg_class WHERE pg_table_is_visible(oid)) "
    "AND n_mod_since_analyze >= :changed AND n_mod_since_analyze >= :share * n_live_tup ORDER BY relname"
)


def analyze_where_due(database: Database) -> list[str]:
    """Analyze the tables of the ledger that have changed much since their statistics were made; their names.

    Each is a transaction of its own, which reads a sample and locks out nobody who reads or writes. Nothing on SQLite:
    the ledger's queries name their indexes there.
    """
    if database.dialect != "postgresql":
        return []
    with database.read() as connection:
        due = list(connection.scalars(_DUE, {"changed": CHANGED, "share": SHARE}))
    for name in due:
        with database.write() as connection:
            connection.execute(text(f'ANALYZE "{name}"'))
    return due
