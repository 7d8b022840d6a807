"""A PostgreSQL database for the tests of a process, one after the other: to make and drop one waits for the disk."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ledger_pool import admin_connection

__all__ = ["EmptiedDatabase"]


class EmptiedDatabase:
    """Made for the first test that asks, and emptied behind each."""

    def __init__(self) -> None:
        self._name = ""

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of a database with nothing in it. One test has it at a time."""
        with admin_connection() as admin:
            if not self._name:
                self._name = f"integrations_{secrets.token_hex(4)}"
                admin.execute(f'CREATE DATABASE "{self._name}"')
                # No test stops the machine: what is committed need not wait for its disk.
                admin.execute(f'ALTER DATABASE "{self._name}" SET synchronous_commit = off')
            about = admin.info
            password = f":{about.password}" if about.password else ""
            place = f"{about.user}{password}@{about.host}:{about.port}/{self._name}"
        yield f"postgresql+psycopg://{place}"
        with admin_connection(f"postgresql://{place}") as emptied:
            emptied.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            of_tests = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'"
            for (schema,) in emptied.execute(of_tests).fetchall():
                emptied.execute(f'DROP SCHEMA "{schema}" CASCADE')
            emptied.execute("CREATE SCHEMA public")

    def close(self) -> None:
        if self._name:
            with admin_connection() as admin:
                admin.execute(f'DROP DATABASE "{self._name}" WITH (FORCE)')
