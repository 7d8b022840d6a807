"""One API server for all tests of the console; each test has routes of the ledger of its own making."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web_scene import Server, started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    components, found = started(tmp_path_factory.mktemp("console"))
    try:
        yield found
    finally:
        components.stop()
