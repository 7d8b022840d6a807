"""For the tests of every room."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No test judges speed: on a busy machine the first example, which imports what it needs, takes longer than 200 ms.
settings.register_profile("untimed", deadline=None, print_blob=True)
settings.load_profile("untimed")

ADMIN_DSN = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty ledger of its own, on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    psycopg = pytest.importorskip("psycopg")
    try:
        admin = psycopg.connect(ADMIN_DSN, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        missing = f"no PostgreSQL at {ADMIN_DSN} (TEST_POSTGRES_DSN names another): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    name = f"integrations_{secrets.token_hex(4)}"
    with admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        about = admin.info
        password = f":{about.password}" if about.password else ""
        yield f"postgresql+psycopg://{about.user}{password}@{about.host}:{about.port}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def pytest_make_parametrize_id(val: object) -> str | None:
    """A long value is named by its beginning: a test's name is in the environment of every process that it starts, and
    the system refuses to start one where that is too large."""
    if isinstance(val, str | bytes) and len(val) > 100:
        return f"{val[:40]!a}, {len(val)} in all"
    return None
