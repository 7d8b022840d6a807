"""For the tests of the pages and the screenshots: the demo's shop, ERP and Airflow, with routes that fail."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.demo.scenario import Scenario

__all__ = ["CONTACTS", "HOSTILE", "INVOICES", "USERS", "WAREHOUSE", "Scene"]

POSTGRES = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")
HERE = Path(__file__).parent
DAGS = HERE.parents[3] / "dags"
INVOICES, WAREHOUSE, CONTACTS = "shop_invoices_to_erp", "shop_stock_to_warehouse", "contacts_to_crm"
USERS = {"admin": "admin", "ann": "user", "vic": "viewer"}
HOSTILE = """<img src=x onerror="window.top.pwned=1"><script>window.top.pwned=1</script>'"</textarea></script>"""


@contextmanager
def _database_of_its_own() -> Iterator[str | None]:
    """Airflow's, in PostgreSQL where that runs: on a busy machine SQLite makes the components wait for each other for
    so long that they end. None: there is no PostgreSQL."""
    import psycopg

    name = f"pages_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        yield None
        return
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            info = server.info
            yield f"postgresql+psycopg://{info.user}:{info.password}@{info.host}:{info.port}/{name}"
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Scene:
    """A context: inside it everything runs, and the routes that fail have failed.

    ``url`` is Airflow's; the password of each of the :data:`USERS` is its name.
    """

    def __init__(
        self, home: Path, *, orders: int = 120, hostile: bool = True, say: Callable[[str], None] = lambda text: None
    ) -> None:
        """``hostile``: whether one of the contacts is."""
        self.home, self.say = home, say
        self.contacts: list[dict[str, Any]] = [{"number": "C-1/2 ä?#", "name": "Ana"}]
        if hostile:
            self.contacts.append({"number": HOSTILE, "name": HOSTILE, HOSTILE: [HOSTILE]})
        dags = home / "dags"
        shutil.copytree(DAGS, dags)
        for route in (HERE / "routes").glob("*.yaml"):
            shutil.copy(route, dags / "routes")
        (dags / "no_route.py").write_text(
            "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n"
            'with DAG("no_route", schedule=None):\n    EmptyOperator(task_id="one")\n'
        )
        (nobody,) = free_ports(1)
        self.scenario = Scenario(home / "demo", dags, say=say, orders=orders, every=20)
        self.components = self.scenario.components
        self.url = self.components.url
        warehouse = {
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": nobody,
            "extra": {"integrations": {"retry_budget": 0.2}},
        }
        self.components.env |= {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(warehouse),
        }
        passwords = {name: name for name in USERS} | {self.components.user: self.components.password}
        (self.components.home / "passwords.json").write_text(json.dumps(passwords))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if (url := stack.enter_context(_database_of_its_own())) is not None:
                self.components.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url
            stack.enter_context(self.scenario)
            self._fail()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def call(self, method: str, path: str, document: Any = None, user: str = "admin") -> Any:
        """Airflow's REST API; ``path`` begins behind ``/api/v2``."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        for attempt in range(10):
            answer = requests.request(method, f"{self.url}/api/v2{path}", json=document, headers=headers, timeout=300)
            if answer.status_code not in (500, 503):  # SQLite: the database is locked
                break
            time.sleep(0.5 + attempt / 2)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def page(self, path: str, user: str = "admin") -> str:
        """A page's HTML."""
        answer = requests.get(self.url + path, cookies={"_token": self.token(user)}, timeout=300)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        return answer.text

    def token(self, user: str) -> str:
        login = {"username": user, "password": self.components.password if user == self.components.user else user}
        return str(requests.post(f"{self.url}/auth/token", json=login, timeout=300).json()["access_token"])

    def trigger(self, route: str, conf: dict[str, Any] | None = None) -> str:
        return str(
            self.call("POST", f"/dags/{route}/dagRuns", {"logical_date": None, "conf": conf or {}})["dag_run_id"]
        )

    def ended(self, route: str, run_id: str) -> str:
        """Wait for the end of a run; its state."""
        return self.wait(
            f"the end of {route} {run_id}",
            lambda: (
                (state := self.call("GET", f"/dags/{route}/dagRuns/{run_id}")["state"]) in ("success", "failed")
                and state
            ),
        )

    def wait(self, told: str, probe: Callable[[], Any], timeout: float = 300) -> Any:
        end = time.monotonic() + timeout
        while not (found := probe()):
            self.scenario.check_processes()
            assert time.monotonic() < end, f"{told}: not within {timeout:g} s"
            time.sleep(0.3)
        return found

    def _fail(self) -> None:
        """Runs of the routes that have something to show."""
        self.scenario.switch_on()
        for route in (INVOICES, WAREHOUSE, CONTACTS):
            self.wait(f"the DAG {route}", partial(self.scenario.airflow.has_dag, route))
        runs = [(INVOICES, self.trigger(INVOICES)), (WAREHOUSE, self.trigger(WAREHOUSE))]
        runs.append((CONTACTS, self.trigger(CONTACTS, {"entities": self.contacts})))
        for route, run in runs:
            self.say(f"{route}: {self.ended(route, run)}")
