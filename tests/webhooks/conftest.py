"""A real server (uvicorn) with the webhooks' application, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from webhook_server import Served


@pytest.fixture
def serve(ledger_url: str, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """``serve(shop_orders="webhook: …")``: a server with these routes, each with this under ``trigger``; what is given
    before goes into each of them."""
    with ExitStack() as stack:
        yield lambda more=None, **routes: stack.enter_context(
            Served(ledger_url, tmp_path / "routes", routes, more or {})
        )
