"""docker-compose.yaml's processes without containers: its variables and commands, on loopback addresses."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from compose_file import ROOT, load, needed

from airflow_integrations.demo.airflow_rest import AirflowRest
from airflow_integrations.demo.check import compare
from airflow_integrations.demo.processes import Processes, free_ports
from airflow_integrations.demo.rest import Rest, RestError, basic
from airflow_integrations.window import Window, rfc3339

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("production")]

ADMIN_DSN = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")
ROUTE = "shop_orders_to_erp"


def missing(what: str) -> None:
    """CI has to run this test; elsewhere it is skipped with the reason."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} and CI=true")
    pytest.skip(what)


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty PostgreSQL database that is dropped in the end."""
    psycopg = pytest.importorskip("psycopg")
    try:
        admin = psycopg.connect(ADMIN_DSN, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL at {ADMIN_DSN} (TEST_POSTGRES_DSN names another): {error}")
    name = f"integrations_{secrets.token_hex(4)}"
    with admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        about = admin.info
        user = quote(about.user) + (f":{quote(about.password)}" if about.password else "")
        yield f"{user}@{about.host}:{about.port}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Topology:
    """The compose file's services as processes in ``home``."""

    def __init__(self, home: Path, database: str, processes: Processes) -> None:
        self.processes = processes
        self.api, self.redis, self.shop, self.erp, health, worker_logs, trigger_logs = free_ports(7)
        self.secrets = {name: secrets.token_urlsafe(64) for name in needed()}
        self.secrets["AIRFLOW_FERNET_KEY"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
        self.services = load(self.secrets)["services"]
        for folder in ("staging", "logs", "config", "bin"):
            (home / folder).mkdir()
        (home / "bin" / "airflow").symlink_to(Path(sys.executable).with_name("airflow"))
        (home / "bin" / "python").symlink_to(sys.executable)
        self.rewritten = {
            f"airflow:{self.secrets['POSTGRES_PASSWORD']}@postgres:5432/airflow": database,
            "@redis:6379": f"@127.0.0.1:{self.redis}",
            "http://api-server:8080": f"http://127.0.0.1:{self.api}",
            '"host": "shop", "port": 8001': f'"host": "127.0.0.1", "port": {self.shop}',
            '"host": "erp", "port": 8002': f'"host": "127.0.0.1", "port": {self.erp}',
            "/opt/airflow/dags": str(ROOT / "dags"),
            "/opt/airflow": str(home),
            "0.0.0.0": "127.0.0.1",
        }
        # What containers keep apart by their own networks and file systems.
        self.apart = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.api),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(health),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_logs),
            "NO_PROXY": "127.0.0.1,localhost",
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
        }
        self.inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.url = f"http://127.0.0.1:{self.api}"

    def environment(self, service: str) -> dict[str, str]:
        own = {name: self.here(value) for name, value in self.services[service].get("environment", {}).items()}
        return {**self.inherited, **own, **self.apart}

    def here(self, text: str) -> str:
        for there, here in self.rewritten.items():
            text = text.replace(there, here)
        return text

    def command(self, service: str) -> list[str]:
        """As the image's entry point runs it: Airflow's subcommands, or a program."""
        command = [self.here(word) for word in self.services[service]["command"]]
        if command[0] == "python":
            return [sys.executable, *command[1:]]
        return command if command[0] in ("bash", "redis-server") else [sys.executable, "-m", "airflow", *command]

    def start(self, service: str, *more: str) -> None:
        self.processes.start(service, [*self.command(service), *more], self.environment(service))


def wait_for(probe, processes: Processes, what: str, seconds: float = 180):
    end = time.monotonic() + seconds
    while True:
        processes.check()
        try:
            if found := probe():
                return found
        except RestError as error:
            if error.status not in (0, 404, 503):
                raise
        if time.monotonic() > end:
            tails = "\n".join(processes.tail(name) for name in processes.names)
            pytest.fail(f"{what} did not happen within {seconds:g} s\n{tails}")
        time.sleep(1)


def test_a_route_runs_end_to_end_with_celery_postgresql_and_redis(tmp_path: Path, database: str):
    if shutil.which("redis-server") is None:
        missing("no redis-server on PATH")
    with Processes(tmp_path / "process-logs") as processes:
        topology = Topology(tmp_path, database, processes)
        topology.start("redis", "--port", str(topology.redis), "--bind", "127.0.0.1", "--dir", str(tmp_path))
        for service, port in (("shop", topology.shop), ("erp", topology.erp)):
            topology.start(service, "--port", str(port))
        processes.run("init", topology.command("init"), topology.environment("init"), timeout=180)
        for service in ("api-server", "scheduler", "dag-processor", "triggerer", "worker"):
            topology.start(service)

        airflow = AirflowRest(topology.url, "admin", topology.secrets["AIRFLOW_ADMIN_PASSWORD"])
        shop = Rest(f"http://127.0.0.1:{topology.shop}", headers={"X-Api-Key": topology.secrets["DEMO_SHOP_KEY"]})
        login = basic("erp", topology.secrets["DEMO_ERP_PASSWORD"])
        erp = Rest(f"http://127.0.0.1:{topology.erp}", headers={"Authorization": login})
        wait_for(lambda: airflow.has_dag(ROUTE), processes, "the route's DAG")
        airflow.unpause(ROUTE)
        first = wait_for(lambda: airflow.runs(ROUTE), processes, "the first scheduled run")[0]
        window = Window(datetime.now(UTC) - timedelta(days=4), first.window.start)
        run = airflow.trigger(ROUTE, window)

        def ended():
            runs = [each for each in airflow.runs(ROUTE) if each.run_id == run.run_id and each.ended]
            return runs[0] if runs else None

        run = wait_for(ended, processes, "the end of the run")
        assert run.state == "success", "\n".join(airflow.story(run))
        books = erp.get("/sales-orders", limit=1000)["orders"]
        verdict = compare(shop.get("/api/truth")["orders"], books, covered=window.end)
        assert verdict.faults == ()
        assert verdict.expected > 100, f"{verdict} until {rfc3339(window.end)}"
