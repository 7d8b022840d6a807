"""The example of an ERP's database and a shop: through all stages, with a real database and a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sql_surroundings import Surroundings, Tables

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.route_files.load import read_routes
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

FOLDER = Path(__file__).parents[3] / "dags" / "examples" / "erp_database"
CHANGED = {
    "sqlite": "2026-01-31 12:00:00",
    "postgresql": "2026-01-31T11:00:00Z",
    "mariadb": "2026-01-31T12:00:00Z",
}
"""SQLite's times are texts, PostgreSQL's what clocks in Madrid show, MariaDB's moments."""


class Shop:
    """What was sent to it, and the stock that it tells in two pages."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, Any]] = []
        self.stock = [{"sku": f"S-{n}", "available": n, "counted_at": "2026-01-31T12:00:00Z"} for n in range(4)]
        self.url = ""

    def page(self, path: str) -> Any:
        second = path.endswith("2")
        return {"items": self.stock[2:] if second else self.stock[:2], "next": None if second else "/stock?page=2"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            shop.orders.append((self.path, json.loads(body, parse_float=Decimal)))
            self.answer({})

        def do_GET(self) -> None:
            self.answer(shop.page(self.path))

        def answer(self, told: Any) -> None:
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shop.url = f"http://127.0.0.1:{server.server_port}"
    yield shop
    server.shutdown()


class Both(Surroundings):
    """The ERP's database, and the shop."""

    shop = ""

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.shop)


@pytest.fixture
def tables(database_url: str) -> Tables:
    tables = Tables(database_url)
    statements = [part for part in (FOLDER / "tables.sql").read_text().split(";") if "CREATE" in part]
    tables.run(
        *statements,
        "INSERT INTO customers VALUES ('C-1', 'Ada', 'ada@example.com', 0), ('C-2', 'Bob', NULL, 1)",
        "INSERT INTO sales_orders VALUES ('O-1', 'C-1', 'released', 'EUR', 20.10, '2026-01-31 12:00:00'), "
        "('O-2', 'C-2', 'released', 'EUR', 5, '2026-01-31 12:01:00'), "
        "('O-3', 'C-1', 'draft', 'EUR', 1, '2026-01-31 12:02:00')",
        "INSERT INTO sales_order_lines VALUES ('O-1', 1, 'MUG', 2, 9.95), ('O-1', 2, 'PEN', 2, 0.10)",
    )
    return tables


async def run_once(name: str, number: int, tables: Tables, shop: Shop, folder: Path) -> dict[str, Any]:
    """One run through all stages, as Airflow's tasks make it."""
    found = read_routes(FOLDER)
    assert not found.mistakes
    route = found.routes[name].route
    around = Both(tables.url)
    around.shop = shop.url
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        run = Run(
            route, f"run-{number}", Window(EPOCH, EPOCH), params=route.params, cursor=route_state(ledger, name).cursor
        )
        staging = Staging(folder, name, run.run_id)
        async with Services(around, ledger=ledger) as services:
            await fetch(run, services, staging)
            await transform(run, services, staging)
            counts = (await push(run, services, staging)).counts
            balance = await settle(run, services, staging)
    assert balance.balanced
    return {name: count for name, count in counts.items() if count}


async def test_orders_go_to_the_shop_once_and_wait_for_their_customer(
    tables: Tables, shop: Shop, tmp_path: Path
) -> None:
    assert (await run_once("erp_orders_to_shop", 1, tables, shop, tmp_path))["delivered"] == 1
    ((path, order),) = shop.orders
    assert path == "/orders/O-1"
    assert order == {
        "number": "O-1",
        "email": "ada@example.com",
        "status": "released",
        "currency": "EUR",
        "total": Decimal("20.10"),
        "changed_at": CHANGED[tables.dialect],
        "lines": [
            {"sku": "MUG", "quantity": 2, "price": Decimal("9.95")},
            {"sku": "PEN", "quantity": 2, "price": Decimal("0.10")},
        ],
    }
    tables.run("UPDATE sales_orders SET status = 'shipped', changed_at = '2026-01-31 13:00:00' WHERE number = 'O-1'")
    again = await run_once("erp_orders_to_shop", 2, tables, shop, tmp_path)
    assert again["delivered"] == 1
    assert [order["status"] for _, order in shop.orders] == ["released", "shipped"]
    last = await run_once("erp_orders_to_shop", 3, tables, shop, tmp_path)
    assert "delivered" not in last
    assert len(shop.orders) == 2


async def test_stock_comes_back_into_the_erp(tables: Tables, shop: Shop, tmp_path: Path) -> None:
    assert await run_once("shop_stock_to_erp", 1, tables, shop, tmp_path) == {"delivered": 4}
    shop.stock[1] = {"sku": "S-1", "available": 99, "counted_at": "2026-01-31T13:00:00Z"}
    again = await run_once("shop_stock_to_erp", 2, tables, shop, tmp_path)
    assert again == {"delivered": 1, "unchanged": 3}
    assert sorted(tables.rows("select sku, quantity from stock")) == [("S-0", 0), ("S-1", 99), ("S-2", 2), ("S-3", 3)]
