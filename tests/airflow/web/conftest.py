"""One API server for the group ``console``; each test begins with an empty ledger."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest
from sqlalchemy import delete
from web_scene import Server, started
from xdist_groups import Shared

from airflow_integrations.ledger.storage import tables


@pytest.fixture(scope="module")
def server(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return shared.get("console", lambda: closing(started(tmp_path_factory.mktemp("console"))))


@pytest.fixture(autouse=True)
def _an_empty_ledger(request: pytest.FixtureRequest) -> None:
    """Where the server is there: what other tests left in its ledger and staging is gone."""
    if "server" in request.fixturenames:
        server: Server = request.getfixturevalue("server")
        with server.database() as database, database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table is not tables.identity:  # a ledger without it counts as one that was emptied
                    connection.execute(delete(table))
        shutil.rmtree(server.staging, ignore_errors=True)
