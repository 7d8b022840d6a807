"""Where the ledger's tests have their databases: SQLite files, and schemas of their own in one PostgreSQL database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_pool import admin_connection
from sqlalchemy import make_url

POSTGRES = os.environ.get("TEST_POSTGRES_DSN", "postgresql://root@127.0.0.1:5432/test")


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


@contextmanager
def postgres_url() -> Iterator[str]:
    """The URL of an empty schema, dropped in the end."""
    schema = f"ledger_{secrets.token_hex(6)}"
    with admin_connection(POSTGRES) as admin:
        admin.execute(f"CREATE SCHEMA {schema}")
        try:
            url = make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={schema}"})
            yield url.render_as_string(hide_password=False)
        finally:
            admin.execute(f"DROP SCHEMA {schema} CASCADE")
