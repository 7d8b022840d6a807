"""One API server for the group ``console``; each test begins with an empty ledger."""

from __future__ import annotations

from contextlib import closing

import pytest
from web_scene import Server, started
from xdist_groups import Shared


@pytest.fixture(scope="module")
def server(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return shared.get("console", lambda: closing(started(tmp_path_factory.mktemp("console"))))


@pytest.fixture(autouse=True)
def _an_empty_ledger(request: pytest.FixtureRequest) -> None:
    """Where the server is there: what other tests left in its ledger and staging is gone."""
    if "server" in request.fixturenames:
        server: Server = request.getfixturevalue("server")
        server.empty()
