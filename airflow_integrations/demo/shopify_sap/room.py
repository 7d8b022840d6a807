"""The demo's Shopify and SAP on free ports of this machine, with fresh secrets; for the check, also the processes that
take webhooks and deliver them without Airflow."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from airflow_integrations.demo.processes import Processes, free_ports
from airflow_integrations.demo.rest import Rest, RestError, basic
from airflow_integrations.demo.shopify_sap.connections import SAP_USER

__all__ = ["CUSTOMERS", "EXAMPLE", "HOOK", "ORDERS", "STOCK", "Room", "RoomError"]

CUSTOMERS, ORDERS, STOCK = "shopify_customers_to_sap", "shopify_orders_to_sap", "sap_stock_to_shopify"
HOOK = "/integrations/hooks/shopify"
EXAMPLE = Path("examples") / "shopify_to_sap"
"""The routes, below Airflow's dags folder."""


class RoomError(RuntimeError):
    """The scenario did not come to where it should; the text tells what happened."""


class Room:
    """A context: inside it both systems answer. ``hooks`` is the port to which webhooks go."""

    def __init__(self, home: Path, routes: Path, *, points: float, hooks: int | None = None) -> None:
        shopify_port, sap_port, free = free_ports(3)
        self.hooks = hooks or free
        self.points = points
        self.home = home.resolve()
        password, token = secrets.token_urlsafe(18), f"shpat_{secrets.token_hex(16)}"
        self.ledger = f"sqlite:///{self.home / 'ledger.db'}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DEMO_"))},
            "DEMO_SHOPIFY_URL": f"http://127.0.0.1:{shopify_port}",
            "DEMO_SHOPIFY_TOKEN": token,
            "DEMO_SHOPIFY_SECRET": secrets.token_hex(16),
            "DEMO_SAP_URL": f"http://127.0.0.1:{sap_port}",
            "DEMO_SAP_USER": SAP_USER,
            "DEMO_SAP_PASSWORD": password,
            "DEMO_ROUTES": str(routes.resolve()),
            "DEMO_LEDGER": self.ledger,
            "DEMO_STAGING": str(self.home / "staging"),
            "NO_PROXY": "127.0.0.1,localhost",
        }
        self.shopify = Rest(self.env["DEMO_SHOPIFY_URL"], headers={"X-Shopify-Access-Token": token})
        self.sap = Rest(self.env["DEMO_SAP_URL"], headers={"Authorization": basic(SAP_USER, password)})
        self.processes = Processes(self.home / "logs")

    def __enter__(self) -> Self:
        try:
            url = f"http://127.0.0.1:{self.hooks}{HOOK}"
            shop = ["--webhooks", url, "--points", str(self.points)]
            for name, rest, options in (("shopify", self.shopify, shop), ("sap", self.sap, [])):
                command = ["-m", f"airflow_integrations.demo.shopify_sap.{name}", "--port", rest.url.rpartition(":")[2]]
                self.processes.start(name, [sys.executable, *command, *options], self.env)
            for rest in (self.shopify, self.sap):
                self.wait(f"{rest.url} to answer", lambda rest=rest: rest.get("/health"), 30)  # type: ignore[misc]
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.processes.stop()

    def start_worker(self, what: str, name: str) -> None:
        """One of the processes of :mod:`~airflow_integrations.demo.shopify_sap.worker`, called ``what name``."""
        command = [sys.executable, "-m", "airflow_integrations.demo.shopify_sap.worker", what, name]
        self.processes.start(f"{what} {name}", command, self.env)

    def run_routes(self, timeout: float, *names: str) -> None:
        """A run of each route, one after the other. Raises ProcessDied where one does not end well."""
        command = [sys.executable, "-m", "airflow_integrations.demo.shopify_sap.worker", "run", *names]
        self.processes.run("run", command, self.env, timeout=timeout)

    def wait(self, what: str, probe: Callable[[], Any], timeout: float) -> Any:
        """The first truthy thing that ``probe`` gives. Raises RoomError after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while True:
            self.processes.check()
            try:
                if found := probe():
                    return found
            except RestError as error:
                if error.status not in (0, 500, 503):
                    raise
            if time.monotonic() > end:
                raise RoomError(f"waited {timeout:g} s for {what}\n{self.story()}")
            time.sleep(0.1)

    def story(self) -> str:
        """For a diagnosis: the ends of the logs."""
        return "\n".join(self.processes.tail(name, 12) for name in self.processes.names)
