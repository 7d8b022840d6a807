"""One API server for all tests of the console; each test begins with an empty ledger."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from sqlalchemy import delete
from web_scene import Server, started

from airflow_integrations.ledger import schema


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = started(tmp_path_factory.mktemp("console"))
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(autouse=True)
def _an_empty_ledger(request: pytest.FixtureRequest) -> None:
    """Where the server is there: what other tests left in its ledger and staging is gone."""
    if "server" in request.fixturenames:
        server: Server = request.getfixturevalue("server")
        with server.database() as database, database.write() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(delete(table))
        shutil.rmtree(server.staging, ignore_errors=True)
