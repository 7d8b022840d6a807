"""The application in a server of its own, as the plugin mounts it, without Airflow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import uvicorn
import yaml
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_integrations.errors import SetupError
from airflow_integrations.formats import json
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables
from airflow_integrations.webhooks.app import HookApp
from airflow_integrations.webhooks.endpoints import EndpointTable
from airflow_integrations.webhooks.intake import Intake
from airflow_integrations.webhooks.secrets import CachedSecrets, Secret

SECRETS = {
    "shop": Secret("shop", "s3cret-of-the-shop"),
    "shop_old": Secret("shop", "0ld-secret-of-the-shop"),
    "standard": Secret("", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    "token": Secret("", "verify-me"),
}


def read_secret(name: str) -> Secret:
    if name not in SECRETS:
        raise SetupError(f"there is no Connection {name!r}")
    return SECRETS[name]


def mounted(book: EndpointTable, intake: Intake) -> Starlette:
    app = HookApp(book, CachedSecrets(read_secret), intake)
    return Starlette(routes=[Mount("/integrations", Starlette(routes=[Mount("/hooks", app)]))])


def write_route(folder: Path, name: str, trigger: str, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    route = {
        "entity": {"name": "order", "key": "order.id"},
        "trigger": yaml.safe_load(trigger),
        "outgoing": {"none": {}},
        **more,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(route))
    return path


class Served:
    """A context: inside it the server answers at ``url``."""

    def __init__(self, ledger_url: str, folder: Path, routes: dict[str, str], more: dict[str, Any]) -> None:
        for name, trigger in routes.items():
            write_route(folder, name, trigger, **more)
        self.folder = folder
        self.ledger = Ledger.open(ledger_url, synced=True)
        self.rung: list[str] = []
        self.session = requests.Session()
        self.book = EndpointTable(folder)
        self.intake = Intake(lambda: self.ledger, self._ring)
        config = uvicorn.Config(
            mounted(self.book, self.intake), port=0, log_level="warning", lifespan="off", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def _ring(self, routes: Iterable[str]) -> None:
        self.rung += routes

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/integrations/hooks/"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()
        self._server.should_exit = True
        self._thread.join()
        self.intake.close()
        self.ledger.close()

    def send(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> requests.Response:
        """``body``: bytes or pieces of them as they are; anything else goes as JSON."""
        kinds = (bytes, Iterable) if not isinstance(body, (dict, list)) else bytes
        if not isinstance(body, kinds):
            body, headers = json.encode(body), {"Content-Type": "application/json"} | (headers or {})
        return self.session.request(method, self.url + path, data=body, headers=headers, timeout=60)

    def post(self, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> requests.Response:
        return self.send("POST", path, body, headers)

    def events(self) -> list[Any]:
        """All rows of the inbox, in the order in which they came, with the route's name."""
        query = select(tables.event, tables.route.c.name.label("route")).join(
            tables.route, tables.route.c.id == tables.event.c.route_id
        )
        with self.ledger.read() as connection:
            return list(connection.execute(query.order_by(tables.event.c.id)).mappings())
