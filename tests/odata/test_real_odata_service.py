"""SAP's own OData server (CAP for Node.js, and its adapter for version 2), driven by routes.

mkdir cap && cd cap && npm init -y
npm install @sap/cds@9 @cap-js/sqlite@2 express@4 @cap-js-community/odata-v2-adapter
TEST_CAP_HOME=$PWD pytest tests/odata
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.cli import main
from airflow_integrations.formats.json import encode
from airflow_integrations.http import Endpoint
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

HOME = os.environ.get("TEST_CAP_HOME", "")
SERVE = Path(HOME, "node_modules/@sap/cds/bin/serve.js")
pytestmark = pytest.mark.skipif(
    not HOME or not SERVE.exists() or shutil.which("node") is None,
    reason="TEST_CAP_HOME names no folder in which npm has installed @sap/cds; this file says how",
)
SETTINGS = {
    "name": "shop",
    "version": "1.0.0",
    "dependencies": {"@sap/cds": "*", "@cap-js/sqlite": "*", "@cap-js-community/odata-v2-adapter": "*"},
    "cds": {
        "requires": {"db": {"kind": "sqlite", "credentials": {"url": ":memory:"}}, "auth": {"kind": "dummy"}},
        "cov2ap": {"plugin": True},
        "runtime": {"patch_as_upsert": True},
        "query": {"limit": {"default": 3, "max": 3}},
    },
}
WINDOW = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that is empty when the module begins."""
    folder = tmp_path_factory.mktemp("cap")
    (folder / "srv").mkdir()
    shutil.copy(Path(__file__).parent / "cap/shop.cds", folder / "srv/shop.cds")
    (folder / "package.json").write_text(json.dumps(SETTINGS))
    (folder / "node_modules").symlink_to(Path(HOME, "node_modules").resolve())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["node", str(SERVE), "--port", str(port)], cwd=folder, stdout=log, stderr=log, env={**os.environ}
        )
    url = f"http://localhost:{port}"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/sales/Orders", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail((folder / "log").read_text())
        yield url
    finally:
        process.terminate()
        process.wait(10)


class Surroundings:
    def __init__(self, url: str) -> None:
        self.url = url

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url + {"v4": "/sales", "v2": "/odata/v2/sales"}[connection])

    def variable(self, name: str) -> str | None:
        return None


def route(version: int, incoming: dict[str, Any], outgoing: dict[str, Any], batch: int = 1) -> Route:
    there = {"connection": f"v{version}", "version": version, "entity_set": "Orders"}
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "params": {"customer": "O'Neil & söhne/1"},
            "incoming": {"odata": there | incoming},
            "outgoing": {"odata": there | {"id": "id"} | outgoing},
            "delivery": {"batch": batch},
        }
    )


async def sent(url: str, made: Route, *entities: dict[str, Any]) -> list[Result]:
    outgoing: Outgoing = made.outgoing.component()(made.outgoing.config, made)
    async with Services(Surroundings(url)) as services:
        await outgoing.open(Run(made, "run", WINDOW), services)
        return await outgoing.send([Outbound(one["id"], encode(one), route="orders") for one in entities])


async def read(url: str, made: Route) -> list[Any]:
    incoming = made.incoming.component()(made.incoming.config, made)
    async with Services(Surroundings(url)) as services:
        run = Run(made, "run", WINDOW, params=made.params)
        return [record async for page in incoming.pages(run, services) for record in page.values()]


def order(number: str, **fields: Any) -> dict[str, Any]:
    items = [{"pos": 1, "sku": "a", "qty": Decimal("1.5")}, {"pos": 2, "sku": "b", "qty": Decimal("2")}]
    return {"id": number, "customer": "O'Neil & söhne/1", "total": Decimal("10.25"), "items": items, **fields}


@pytest.mark.parametrize("version", [4, 2])
async def test_orders_are_created_updated_and_read_back(service: str, version: int) -> None:
    numbers = [f"{version}'{number}/%" for number in range(5)]
    made = route(
        version,
        {
            "filter": "customer eq @customer and startswith(id, @prefix)",
            "values": {"customer": "params.customer", "prefix": f'"{version}"'},
            "since": "modifiedAt",
            "expand": ["items"],
            "order_by": ["id"],
        },
        {"key": {"id": "order.id"}, "create_only": ["id"]},
    )
    created = await sent(service, made, *(order(number) for number in numbers))
    assert [(one.status, one.target_id) for one in created] == [("delivered", number) for number in numbers]
    updated = await sent(service, made, order(numbers[0], total=Decimal("11.5")))
    assert updated[0].status == "delivered"
    found = await read(service, made)
    assert [one["id"] for one in found] == numbers
    assert [Decimal(one["total"]) for one in found] == [Decimal("11.5"), *[Decimal("10.25")] * 4]
    assert [(item["sku"], Decimal(item["qty"])) for item in found[1]["items"]] == [("a", Decimal("1.5")), ("b", 2)]


@pytest.mark.parametrize(("version", "format_"), [(4, "multipart"), (4, "json"), (2, "multipart")])
async def test_one_that_is_refused_in_a_batch_fails_alone(service: str, version: int, format_: str) -> None:
    numbers = [f"b{version}{format_}{number}" for number in range(4)]
    made = route(version, {}, {"operation": "create", "batch": {"format": format_}}, batch=4)
    entities = [order(number) for number in numbers]
    entities[1]["total"] = "no number"
    results = await sent(service, made, *entities)
    assert [one.status for one in results] == ["delivered", "failed", "delivered", "delivered"]
    assert "total" in str(results[1].reason)


async def test_one_patch_creates_or_updates(service: str) -> None:
    made = route(4, {}, {"entity_set": "Customers", "key": {"id": "order.id"}, "ask": False}, batch=3)
    for name in ("first", "second"):
        results = await sent(
            service, made, *({"id": number, "name": name} for number in ("patch-x", "patch-y", "patch-z"))
        )
        assert [(one.status, one.reason) for one in results] == [("delivered", None)] * 3
    ours = {"entity_set": "Customers", "filter": "startswith(id, 'patch')"}
    customers = await read(service, route(4, ours, {"key": {"id": "order.id"}}))
    assert [one["name"] for one in customers] == ["second"] * 3


ROUTE_FILE = """
route: orders_to_customers
entity: {name: order, key: order.id, version: order.modifiedAt}
incoming:
  odata:
    connection: cap_v2
    version: 2
    entity_set: Orders
    filter: startswith(id, @prefix)
    values: {prefix: '"route"'}
    since: modifiedAt
    order_by: [id]
transform:
  - map: {id: order.id, name: order.customer}
outgoing:
  odata:
    connection: cap_v4
    entity_set: Customers
    key: {id: order.id}
    id: id
    create_only: [id]
"""


@pytest.mark.parametrize("version", [4, 2])
async def test_its_model_finds_a_misspelt_name(service: str, version: int) -> None:
    for wrong, said in (({}, []), ({"expand": ["itmes"]}, ["'itmes', did you mean 'items'"])):
        made = route(version, {"select": ["id"], **wrong}, {"key": {"id": "order.id"}})
        async with Services(Surroundings(service)) as services:
            found = await made.incoming.component().check_online(made.incoming.config, made, services)
            found += await made.outgoing.component().check_online(made.outgoing.config, made, services)
        assert len(found) == len(said)
        assert all(text in found[at][1] for at, text in enumerate(said))


async def test_a_route_file_moves_orders_once(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole of it: run by the command line, with the ledger; a second run finds everything unchanged."""
    numbers = [f"route'{number}" for number in range(7)]
    made = route(4, {}, {"key": {"id": "order.id"}, "create_only": ["id"]})
    await sent(service, made, *(order(number) for number in numbers))
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "orders_to_customers.yaml").write_text(ROUTE_FILE)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__INTEGRATIONS__STAGING": str(tmp_path / "staging"),
        "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "test_ledger",
        "AIRFLOW_CONN_TEST_LEDGER": json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "ledger.db")}),
        "AIRFLOW_CONN_CAP_V2": json.dumps({"conn_type": "http", "host": f"{service}/odata/v2/sales"}),
        "AIRFLOW_CONN_CAP_V4": json.dumps({"conn_type": "http", "host": f"{service}/sales"}),
        "_AIRFLOW_PROCESS_CONTEXT": "client",
    }.items():
        monkeypatch.setenv(name, value)
    books = []
    for _ in range(2):
        window = ("--window-start", "2020-01-01", "--window-end", "2040-01-01")
        assert await asyncio.to_thread(main, ("run", "orders_to_customers", *window)) == 0
        books.append(capsys.readouterr().out.splitlines()[-1])
    assert books == ["7 fetched = 7 delivered", "7 fetched = 7 unchanged"]
    customers = {"entity_set": "Customers", "filter": "startswith(id, 'route')"}
    there = await read(service, route(4, customers, {"key": {"id": "order.id"}}))
    assert [one["name"] for one in there] == ["O'Neil & söhne/1"] * 7
