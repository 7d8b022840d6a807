"""A real server (uvicorn) with the webhooks' application, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hook_server import Served

sys.path.append(str(Path(__file__).parents[1] / "ledger"))
from ledger_databases import postgres_url, sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        with postgres_url() as url:
            yield url


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """``serve(shop_orders="webhook: …")``: a server with these routes, each with this under ``trigger``; what is given
    before goes into each of them."""
    with ExitStack() as stack:
        yield lambda more=None, **routes: stack.enter_context(
            Served(database_url, tmp_path / "routes", routes, more or {})
        )
