"""A real Airflow API server with DAGs in its database, and its users. Nothing runs a DAG here: the scheduler is off."""

from __future__ import annotations

import json
import shutil
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import delete, func, select, update
from warm_airflow import warm

from airflow_integrations.demo.components import Components
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.route_files.load import read_route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

ROUTE = """
description: Orders go to the books.
priority: high
entity: {{name: order, key: order.number}}
{more}
incoming:
  http: {{connection: shop, path: /orders, records: body.orders}}
transform:
  - filter: order.status == "paid"
  - map: {{Number: order.number, Contact: {{Mail: order.customer.email}}}}
outgoing:
  http: {{connection: erp, method: PUT, path: "/sales/{{{{ order.Number }}}}"}}
"""
ROUTES = {
    "orders": "schedule: {every: 1h}\nmask: [customer.email, lines.*.note]",
    "stock": "",
    "never_ran": "",
}
ORDERS = [
    {
        "number": f"{number:04}",
        "status": "open" if number % 10 == 9 else "paid",
        "total": Decimal("12345678901234567.10"),
        "customer": {"name": f"Customer {number}", "email": f"buyer{number}@example.com"},
        "lines": [{"sku": "A", "note": f"ring {number} times"}],
    }
    for number in range(40)
]
"""Of which 4 are filtered out."""
USERS = {"admin": "admin", "ann": "user", "vic": "viewer", "orders_only": "user", "no_payloads": "user"}


class Server:
    """The API server at ``url``; :meth:`call` asks it as one of the :data:`USERS`, or as nobody."""

    def __init__(self, components: Components, ledger_url: str, staging: Path) -> None:
        self.components = components
        self.ledger_url = ledger_url
        self.staging = staging
        self._target = ThreadingHTTPServer(("127.0.0.1", 0), Target)
        threading.Thread(target=self._target.serve_forever, daemon=True).start()
        self.target = f"http://127.0.0.1:{self._target.server_port}"
        self.api = f"{components.url}/integrations/api/v1"
        self._tokens: dict[str, str] = {}

    def close(self) -> None:
        self._target.shutdown()
        self._target.server_close()
        self.components.stop()

    def airflow(self, *words: str) -> None:
        """Run one of Airflow's commands."""
        components = self.components
        components.processes.run(words[-1], components.airflow(*words), components.env, timeout=300)

    def database(self) -> Database:
        return Database.open(self.ledger_url)

    def empty(self) -> None:
        """Nothing is in its ledger and its staging any more."""
        with self.database() as database, database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table is not tables.identity:  # a ledger without it counts as one that was emptied
                    connection.execute(delete(table))
        shutil.rmtree(self.staging, ignore_errors=True)

    def token(self, user: str) -> str:
        if user not in self._tokens:
            answer = requests.post(
                f"{self.components.url}/auth/token", json={"username": user, "password": user}, timeout=60
            )
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def call(self, user: str | None, method: str, path: str, **how: Any) -> requests.Response:
        """With the user's token in the header Authorization. ``path`` goes to the server as it is written."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return self.send(method, path, headers | how.pop("headers", {}), **how)

    def by_cookie(self, user: str, method: str, path: str, headers: dict[str, str], **how: Any) -> requests.Response:
        """As a browser that is signed in."""
        return self.send(method, path, {"Cookie": f"_token={self.token(user)}", **headers}, **how)

    def send(self, method: str, path: str, headers: dict[str, str], **how: Any) -> requests.Response:
        with requests.Session() as session:
            prepared = session.prepare_request(requests.Request(method, self.api, headers=headers, **how))
            query = prepared.url.partition("?")[2] if prepared.url else ""
            prepared.url = self.api + path + (("&" if "?" in path else "?") + query if query else "")
            return session.send(prepared, timeout=60)

    def get(self, path: str, user: str = "admin", **params: Any) -> Any:
        answer = self.call(user, "GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def audit_log(self) -> list[dict[str, Any]]:
        """The newest entries of Airflow's audit log, as its own API tells them."""
        answer = requests.get(
            f"{self.components.url}/api/v2/eventLogs?order_by=-id&limit=50",
            headers={"Authorization": f"Bearer {self.token('admin')}"},
            timeout=60,
        )
        return list(answer.json()["event_logs"])


class Target(BaseHTTPRequestHandler):
    """Takes everything but what is numbered so, and quotes that."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refused = b'"refused' in content
        self.send_response(422 if refused else 204)
        if refused:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if refused:
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class ErpOnly:
    """Connections: every one of them is the target."""

    def __init__(self, url: str) -> None:
        self.url = url

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url)

    def variable(self, name: str) -> str | None:
        return None


async def flow(
    server: Server, route: str, run_id: str, orders: list[dict[str, Any]], *, parts: int | None = None
) -> None:
    """A real run of the engine, beside the server: everything is delivered that :class:`Target` takes. Of several
    ``parts``, each transforms and sends its own share; a route that may be spread so has another definition."""
    with Ledger.open(server.ledger_url) as ledger:
        definition = read_route(server.components.home / "routes", route).route
        if parts is not None:
            tasks = definition.tasks.model_copy(update={"spread_above": 0})
            definition = definition.model_copy(update={"tasks": tasks})
        window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
        run = Run(definition, run_id, window, entities=tuple(orders), kind="scheduled")
        staging = Staging(server.staging, route, run_id)
        async with Services(ErpOnly(server.target), ledger=ledger) as services:
            await fetch(run, services, staging)
            await transform(run, services, staging, spread=parts or 1)
            for part in range(parts or 1):
                await push(run, services, staging, part=part)
            await settle(run, services, staging)


def stopped(server: Server, route: str, keys: dict[str, int], status: str = "failed", **columns: Any) -> None:
    """Make open entities of delivered ones: ``keys`` to the line of push that holds each one's payload."""
    entity, run = tables.entity.c, tables.run.c
    error = {"error_class": "refused", "http_status": 422, "fingerprint": "f" * 16, "message": "price is missing"}
    with server.database() as database, database.write() as connection:
        route_id = connection.scalar(select(tables.route.c.id).where(tables.route.c.name == route))
        newest = connection.scalar(select(func.max(run.id)).where(run.route_id == route_id))
        for key, line in keys.items():
            there = {"payload_run": newest, "payload_stage": "push", "payload_at": line, "since": time.time() - 60}
            values = {"status": status, "hash": "ab" * 16, **error, **there, **columns}
            changed = connection.execute(
                update(tables.entity).where(entity.route_id == route_id, entity.key == key).values(**values)
            )
            assert changed.rowcount == 1


def started(home: Path) -> Server:
    """An API server in ``home``; the caller closes it."""
    routes = home / "routes"
    routes.mkdir(parents=True)
    for name, more in ROUTES.items():
        (routes / f"{name}.yaml").write_text(ROUTE.format(more=more))
    dags = home / "dags"
    dags.mkdir()
    (dags / "loader.py").write_text(
        '"""The routes as Airflow DAGs."""\n'
        "from airflow_integrations.airflow import load_routes\n"
        "globals().update(load_routes(__file__))\n"
    )
    ledger = f"sqlite:///{home / 'ledger.db'}"
    Database.open(ledger).close()
    here = str(Path(__file__).parent)
    components = Components(
        home,
        {
            "PYTHONPATH": ":".join((here, str(Path(__file__).parents[3]))),
            "AIRFLOW__CORE__AUTH_MANAGER": "console_auth.PickyAuthManager",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
            # a test that changes a route has it read again at once, where Airflow waits 30 seconds since it last did
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__INTEGRATIONS__ROUTES": str(routes),
            "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
            "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "ledger",
            "AIRFLOW_CONN_LEDGER": json.dumps({"conn_type": "sqlite", "host": str(home / "ledger.db")}),
        },
        dags=dags,
        pools=False,
    )
    warm(components)
    (home / "passwords.json").write_text(json.dumps({name: name for name in USERS}))
    server = Server(components, ledger, home / "staging")
    try:
        server.airflow("db", "migrate")
        server.airflow("dags", "reserialize")
        components.processes.start("api-server", components.airflow("api-server"), components.env, cwd=home)
        end = time.monotonic() + 300
        while not components.healthy({"metadatabase"}):
            components.check()
            assert time.monotonic() < end, components.processes.tail("api-server")
            time.sleep(0.25)
    except BaseException:
        server.close()
        raise
    return server
