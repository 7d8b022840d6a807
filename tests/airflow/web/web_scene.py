"""A real Airflow API server with DAGs in its database, and its users. Nothing runs a DAG here: the scheduler is off."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import requests

from airflow_integrations.demo.components import Components
from airflow_integrations.ledger.database import Database

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
    "orders": "schedule: {every: 1h}",
    "stock": "",
    "never_ran": "",
}
USERS = {"admin": "admin", "ann": "user", "vic": "viewer", "orders_only": "user", "no_payloads": "user"}


class Server:
    """The API server at ``url``; :meth:`call` asks it as one of the :data:`USERS`, or as nobody."""

    def __init__(self, components: Components, ledger_url: str, staging: Path) -> None:
        self.components = components
        self.ledger_url = ledger_url
        self.staging = staging
        self.api = f"{components.url}/integrations/api/v1"
        self._tokens: dict[str, str] = {}

    def database(self) -> Database:
        return Database.open(self.ledger_url)

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


def started(home: Path) -> tuple[Components, Server]:
    """An API server in ``home``; the caller stops the components."""
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
            "AIRFLOW__INTEGRATIONS__ROUTES": str(routes),
            "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
            "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "ledger",
            "AIRFLOW_CONN_LEDGER": json.dumps({"conn_type": "sqlite", "host": str(home / "ledger.db")}),
        },
        dags=dags,
        pools=False,
    )
    (home / "passwords.json").write_text(json.dumps({name: name for name in USERS}))
    try:
        components.processes.run("db-migrate", components.airflow("db", "migrate"), components.env, timeout=120)
        components.processes.run("dags", components.airflow("dags", "reserialize"), components.env, timeout=120)
        components.processes.start("api-server", components.airflow("api-server"), components.env, cwd=home)
        end = time.monotonic() + 120
        while not components.healthy({"metadatabase"}):
            components.check()
            assert time.monotonic() < end, components.processes.tail("api-server")
            time.sleep(0.25)
    except BaseException:
        components.stop()
        raise
    return components, Server(components, ledger, home / "staging")
