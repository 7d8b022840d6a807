"""The demo's whole world: a shop, an ERP and Airflow on this machine.

Its secrets are new each time, but for the password of Airflow's UI: it stays as long as the demo's folder does.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from airflow_integrations.demo.airflow_rest import AirflowRest
from airflow_integrations.demo.check import Verdict, compare, covered_until, ledger_faults
from airflow_integrations.demo.components import Components
from airflow_integrations.demo.processes import Processes, free_ports
from airflow_integrations.demo.rest import Rest, RestError, basic
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.window import Window, rfc3339

__all__ = ["CUSTOMERS", "ORDERS", "PASSWORD_FILE", "ROUTES", "STOCK", "Scenario", "ScenarioFailed", "empty_home"]

ORDERS, STOCK, CUSTOMERS = "shop_orders_to_erp", "shop_stock_to_erp", "shop_customers_to_erp"
ROUTES = (ORDERS, STOCK, CUSTOMERS)

PASSWORD_FILE = "password"  # noqa: S105 - the name of a file
"""In the demo's folder: the password of Airflow's UI, for its owner alone."""
_HISTORY_DAYS = 3


class ScenarioFailed(RuntimeError):
    """The demo did not come to where it should; the text tells what happened."""


class Scenario:
    """A context: inside it everything runs in ``home``, which is emptied first. ``say`` gets a line for each step."""

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        say: Callable[[str], None],
        orders: int = 600,
        every: float = 3,
        away: float = 0,
        port: int | None = None,
    ) -> None:
        """``away``: for so many seconds after it is first asked, the ERP answers nothing but 503.

        ``port`` is that of Airflow's UI; a free one where none is given.
        """
        self.home, self.say, self.every, self.orders, self.away = home, say, every, orders, away
        password = empty_home(home)
        self.started = datetime.now(UTC).replace(microsecond=0)
        self.origin = self.started - timedelta(days=_HISTORY_DAYS)
        """The first order is not older than this."""
        self._shop_key, self._erp_password = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
        shop_port, erp_port = free_ports(2)
        self.shop = Rest(f"http://127.0.0.1:{shop_port}", headers={"X-Api-Key": self._shop_key})
        self.erp = Rest(f"http://127.0.0.1:{erp_port}", headers={"Authorization": basic("erp", self._erp_password)})
        self.components = Components(
            home / "airflow",
            self._connections(shop_port, erp_port),
            dags=dags,
            port=port,
            password=password,
            say=say,
        )
        self.airflow = AirflowRest(self.components.url, self.components.user, self.components.password)
        self._servers = Processes(home / "logs")

    def __enter__(self) -> Self:
        try:
            self._start_servers()
            self.components.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.components.stop()
        self._servers.stop()

    def check_processes(self) -> None:
        """Raises ProcessDied when a server or a component is no more."""
        self._servers.check()
        self.components.check()

    def switch_on(self, timeout: float = 120, *, replay: bool = False) -> None:
        """Unpause the routes: the orders' first run by schedule takes all that lie in the past.

        With ``replay`` a run by hand asks for most of that window once more.
        """
        end = time.monotonic() + timeout
        self.say("Waiting for the routes' DAGs …")
        self._wait(end, "Airflow did not load the routes", lambda: all(map(self.airflow.has_dag, ROUTES)) or None)
        for route in ROUTES:
            self._wait(end, f"Airflow did not switch {route} on", lambda route=route: self.airflow.unpause(route))  # type: ignore[misc]
        if replay:
            first = self._wait(end, f"Airflow did not schedule {ORDERS}", self._first_scheduled)
            window = Window(self.origin, first.start)
            self._wait(end, f"Airflow did not trigger {ORDERS}", lambda: self.airflow.trigger(ORDERS, window))
        self.say(f"The routes are on; the orders since {rfc3339(self.origin)} are on their way.")

    def settled(self) -> bool:
        """Whether each route has ended a run, and the orders' route also all that were triggered."""
        runs_of = {route: self.airflow.runs(route) for route in ROUTES}
        failed = [run for each in runs_of.values() for run in each if run.state == "failed"]
        if failed:
            raise ScenarioFailed("a run failed")
        ended = {route: [run for run in each if run.ended] for route, each in runs_of.items()}
        scheduled = any(run.run_type == "scheduled" for run in ended[ORDERS])
        return all(ended.values()) and scheduled and all(r.ended for r in runs_of[ORDERS] if r.run_type == "manual")

    def verdict(self) -> Verdict:
        """The ERP's books against the shop's truth, and the ledger against both.

        Orders beyond the windows that ended are not due yet.
        """
        ended = [run.run_id for run in self.airflow.runs(ORDERS) if run.state == "success"]
        with Ledger.open(f"sqlite:///{self.components.home / 'integrations' / 'ledger.db'}") as ledger:
            closed = [each for each in runs(ledger, ORDERS, 100).runs if each.finished is not None]
            books = self.booked()
            truth = self.shop.get("/api/truth")
            counts = self.erp.get("/sales-orders/count")
            found = (where(ledger, ORDERS, order["number"], time.time()) for order in books)
            known = [record for record in found if record is not None]
        covered = covered_until((Window.parse(*each.window) for each in closed if each.verdict is None), self.origin)
        verdict = compare(truth["orders"], books, covered=covered)
        faults = [*verdict.faults, *ledger_faults(books, known, closed, ended=ended)]
        for name, title in (("customers", "customers"), ("skus", "stock")):
            if counts[title] != truth[name]:
                faults.append(f"the shop has {truth[name]} {name}, the ERP {counts[title]}")
        unchanged = sum(each.counts.get("unchanged", 0) for each in closed)
        return replace(verdict, faults=tuple(faults), unchanged=unchanged)

    def booked(self) -> list[dict[str, Any]]:
        """All sales orders in the ERP."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.erp.get("/sales-orders", offset=len(found), limit=1000)
            found += page["orders"]
            if len(found) >= page["total"] or not page["orders"]:
                return found

    def story(self) -> str:
        """For a diagnosis: what Airflow could not load, the routes' runs, the ends of the logs."""
        lines: list[str] = []
        try:
            lines += self.airflow.import_errors()
            for route in ROUTES:
                for run in self.airflow.runs(route):
                    lines += self.airflow.story(run)
        except (RestError, KeyError) as error:
            lines.append(f"Airflow tells no more: {error}")
        for processes in (self._servers, self.components.processes):
            lines += [processes.tail(name, 10) for name in processes.names]
        return "\n".join(lines)

    def _start_servers(self) -> None:
        self.say("Starting the demo shop and the demo ERP …")
        env = {**self.components.env, "DEMO_SHOP_KEY": self._shop_key, "DEMO_ERP_PASSWORD": self._erp_password}
        shop = ["--start", rfc3339(self.started), "--days", str(_HISTORY_DAYS), "--history", str(self.orders)]
        shop += ["--every", str(self.every)]
        for name, rest, options in (("shop", self.shop, shop), ("erp", self.erp, ["--away", str(self.away)])):
            port = rest.url.rpartition(":")[2]
            command = [sys.executable, "-m", f"airflow_integrations.demo.{name}", "--port", port, *options]
            self._servers.start(name, command, env)
        end = time.monotonic() + 30
        for rest in (self.shop, self.erp):
            self._wait(end, f"{rest.url} does not answer", lambda rest=rest: rest.get("/health"))  # type: ignore[misc]

    def _first_scheduled(self) -> Window | None:
        runs = [run for run in self.airflow.runs(ORDERS) if run.run_type == "scheduled"]
        return runs[0].window if runs else None

    def _wait(self, end: float, failure: str, probe: Callable[[], Any]) -> Any:
        """The first truthy thing that ``probe`` gives."""
        while True:
            self.check_processes()
            try:
                if found := probe():
                    return found
            except RestError as error:
                if error.status not in (0, 500, 503):
                    raise
            if time.monotonic() > end:
                raise ScenarioFailed(failure)
            time.sleep(0.25)

    def _connections(self, shop_port: int, erp_port: int) -> dict[str, str]:
        """Airflow Connections as environment variables: they are in no database and no file."""
        shop = {
            "conn_type": "http",
            "schema": "http",
            "host": "127.0.0.1",
            "port": shop_port,
            "password": self._shop_key,
            "extra": {"integrations": {"auth": "api_key", "name": "X-Api-Key"}},
        }
        erp = {
            "conn_type": "http",
            "schema": "http",
            "host": "127.0.0.1",
            "port": erp_port,
            "login": "erp",
            "password": self._erp_password,
        }
        return {"AIRFLOW_CONN_SHOP": json.dumps(shop), "AIRFLOW_CONN_ERP": json.dumps(erp)}


def empty_home(home: Path) -> str:
    """A fresh folder, and the password of Airflow's UI in it, which stays from one demo to the next.

    Only a folder that an earlier demo made is removed, never somebody's own.
    """
    mark, kept = home / ".airflow-integrations-demo", home / PASSWORD_FILE
    password = kept.read_text().strip() if mark.exists() and kept.is_file() else ""
    if home.exists() and any(home.iterdir()):
        if not mark.exists():
            raise ScenarioFailed(f"{home} is not a folder of an earlier demo; name an empty one with --home")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    mark.touch()
    password = password or secrets.token_urlsafe(12)
    kept.touch(mode=0o600)
    kept.write_text(f"{password}\n")
    return password
