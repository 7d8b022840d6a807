"""PostgreSQL databases that hold an empty ledger: made once, and emptied for the next test.

To make one and drop it takes PostgreSQL and the client a fifth of a second of CPU, to empty one some milliseconds.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from shared_statements import share_statements_of

if TYPE_CHECKING:
    import psycopg

__all__ = ["ADMIN_DSN", "LedgerPool", "admin_connection"]

ADMIN_DSN = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")
MOST_BYTES = 1_000_000
"""A database whose tables have grown further is not used again: new rows would lie between the places of old ones."""

_SHAPE = f"""
SELECT md5(string_agg(line, ' ' ORDER BY line)), {MOST_BYTES} > (
    SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
) FROM (
    SELECT format('%s %s %s %s %s %s', relname, relkind, reloptions, attname, atttypid, attnotnull) AS line
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg%temp%'
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT tgname FROM pg_trigger
    UNION ALL SELECT version_num FROM integrations_version
    UNION ALL SELECT tablename || ' has statistics' FROM pg_stats WHERE schemaname = 'public'
) AS lines
"""
"""What a test may have changed besides rows, and whether the tables are still small."""


def admin_connection(dsn: str = ADMIN_DSN) -> psycopg.Connection:
    """To the server that tests make their databases in. Without one the test is skipped; in CI it fails."""
    driver = pytest.importorskip("psycopg")
    try:
        connection: psycopg.Connection = driver.connect(dsn, autocommit=True, connect_timeout=5)
    except driver.OperationalError as error:
        missing = f"no PostgreSQL at {dsn} (TEST_POSTGRES_DSN names another): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return connection


@dataclass
class _Lent:
    name: str
    url: str
    shape: tuple[str, bool]
    keeper: psycopg.Connection


class LedgerPool:
    """For one process."""

    def __init__(self) -> None:
        self._free: list[_Lent] = []

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of an empty ledger of this version, which nobody else has meanwhile."""
        lent = self._free.pop() if self._free else _make()
        try:
            yield lent.url
        finally:
            if _emptied(lent):
                self._free.append(lent)
            else:
                _drop(lent)

    def close(self) -> None:
        while self._free:
            _drop(self._free.pop())


def _make() -> _Lent:
    from airflow_integrations.ledger.ledger import Ledger

    name = f"integrations_{secrets.token_hex(4)}"
    with admin_connection() as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        # No test stops the machine: what is committed need not wait for its disk.
        admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        about = admin.info
        password = f":{about.password}" if about.password else ""
        place = f"{about.user}{password}@{about.host}:{about.port}/{name}"
    with Ledger.open(f"postgresql://{place}") as ledger:
        share_statements_of(ledger._engine)
    keeper = admin_connection(f"postgresql://{place}")
    return _Lent(name, f"postgresql+psycopg://{place}", _shape(keeper), keeper)


def _emptied(lent: _Lent) -> bool:
    """Whether it is again as it was made."""
    import psycopg

    from airflow_integrations.ledger.storage.tables import metadata

    try:
        lent.keeper.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        if _shape(lent.keeper) != lent.shape:
            return False
        rows = ";".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))
        lent.keeper.execute(
            f"BEGIN; {rows}; INSERT INTO integrations_identity VALUES ('{secrets.token_hex(16)}', {time.time()}); "
            "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'; COMMIT"
        )
    except psycopg.Error:
        return False
    return True


def _shape(keeper: psycopg.Connection) -> tuple[str, bool]:
    shape: tuple[str, bool] = keeper.execute(_SHAPE).fetchone()  # type: ignore[assignment]
    return shape


def _drop(lent: _Lent) -> None:
    with suppress(Exception):
        lent.keeper.close()
    with admin_connection() as admin:
        admin.execute(f'DROP DATABASE "{lent.name}" WITH (FORCE)')
