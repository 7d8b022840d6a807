"""PostGraphile over PostgreSQL, a GraphQL API with connections and mutations, driven by a route.

mkdir postgraphile && cd postgraphile && npm init -y && npm install postgraphile@4
TEST_POSTGRAPHILE_HOME=$PWD pytest tests/graphql
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.formats.json import encode
from airflow_integrations.http import Endpoint
from airflow_integrations.outgoing import Outbound
from airflow_integrations.route.check import deep_mistakes
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

HOME = os.environ.get("TEST_POSTGRAPHILE_HOME", "")
CLI = Path(HOME, "node_modules/postgraphile/cli.js")
DSN = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")
pytestmark = pytest.mark.skipif(
    not HOME or not CLI.exists() or shutil.which("node") is None,
    reason="TEST_POSTGRAPHILE_HOME names no folder in which npm has installed postgraphile; this file says how",
)
WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


class Surroundings:
    def __init__(self, url: str) -> None:
        self.url = url

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url)

    def variable(self, name: str) -> str | None:
        return None


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Surroundings]:
    """An API over an empty table of orders."""
    psycopg = pytest.importorskip("psycopg")
    try:
        admin = psycopg.connect(DSN, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {DSN}: {error}")
    schema = f"graphql_{secrets.token_hex(4)}"
    with admin, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        admin.execute(f'CREATE SCHEMA "{schema}"')
        admin.execute(f'CREATE TABLE "{schema}".orders (id text PRIMARY KEY, total numeric CHECK (total >= 0))')
        dsn = f"postgresql://{admin.info.user}@{admin.info.host}:{admin.info.port}/{admin.info.dbname}"
        command = ["node", str(CLI), "-c", dsn, "-s", schema, "-n", "127.0.0.1", "-p", str(port), "--disable-graphiql"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until and process.poll() is None:
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            else:
                pytest.fail((tmp_path / "log").read_text())
            yield Surroundings(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(10)
            admin.execute(f'DROP SCHEMA "{schema}" CASCADE')


def route() -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {
                "graphql": {
                    "connection": "shop",
                    "path": "/graphql",
                    "query": "query ($after: Cursor) { allOrders(first: 2, after: $after, orderBy: ID_ASC) "
                    "{ nodes { id total } pageInfo { hasNextPage endCursor } } }",
                    "records": "allOrders",
                }
            },
            "outgoing": {
                "graphql": {
                    "connection": "shop",
                    "path": "/graphql",
                    "query": "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }",
                    "variables": {"input": {"order": {"id": "order.id", "total": "text(order.total)"}}},
                    "id": "body.data.createOrder.order.id",
                }
            },
        }
    )


async def test_orders_go_in_and_come_back(api: Surroundings) -> None:
    made = route()
    assert list(deep_mistakes(made)) == []
    run = Run(made, "run", WINDOW)
    totals = [Decimal("0.10"), Decimal(-1), Decimal("12345678901234567890.123"), Decimal(2), Decimal(3), Decimal(4)]
    entities: list[dict[str, Any]] = [{"id": f"o'{n}", "total": total} for n, total in enumerate(totals)]
    async with Services(api) as services:
        outgoing = made.outgoing.component()(made.outgoing.config, made)
        await outgoing.open(run, services)
        results = []
        for one in entities:
            results += await outgoing.send([Outbound(one["id"], encode(one), route="orders")])
        assert [result.status for result in results] == ["delivered", "failed", *["delivered"] * 4]
        assert "createOrder" in str(results[1].reason)
        incoming = made.incoming.component()(made.incoming.config, made)
        found = [record async for page in incoming.pages(run, services) for record in page.values()]
    taken = [one for one, result in zip(entities, results, strict=True) if result.status == "delivered"]
    assert [(one["id"], Decimal(one["total"])) for one in found] == [(one["id"], one["total"]) for one in taken]
