"""docker-compose.yaml's processes without containers: its variables and commands, on loopback addresses."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Server:
    """An empty database for Airflow, and the name of one for the ledger and its user; all are dropped in the end."""

    address: str
    """Host and port."""
    admin: str
    password: str | None
    airflow: str

    @property
    def ledger(self) -> str:
        return f"{self.airflow}_ledger"

    @property
    def user(self) -> str:
        return quote(self.admin) + (f":{quote(self.password)}" if self.password else "")

    @property
    def variables(self) -> dict[str, str]:
        """What psql reads."""
        host, _, port = self.address.rpartition(":")
        found = {"PGHOST": host, "PGPORT": port, "PGUSER": self.admin, "PGDATABASE": self.airflow}
        return {**found, "PGPASSWORD": self.password} if self.password else found


@pytest.fixture
def database() -> Iterator[Server]:
    psycopg = pytest.importorskip("psycopg")
    try:
        admin = psycopg.connect(ADMIN_DSN, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL at {ADMIN_DSN} (TEST_POSTGRES_DSN names another): {error}")
    name = f"integrations_{secrets.token_hex(4)}"
    with admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        about = admin.info
        server = Server(f"{about.host}:{about.port}", about.user, about.password, name)
        yield server
        for each in (server.airflow, server.ledger):
            admin.execute(f'DROP DATABASE IF EXISTS "{each}" WITH (FORCE)')
        admin.execute(f'DROP ROLE IF EXISTS "{server.ledger}"')


class Topology:
    """The compose file's services as processes in ``home``."""

    def __init__(self, home: Path, database: Server, processes: Processes) -> None:
        self.processes = processes
        self.api, self.redis, self.shop, self.erp, health, worker_logs, trigger_logs = free_ports(7)
        self.health_port = health
        self.secrets = {name: secrets.token_urlsafe(64) for name in needed()}
        self.secrets["AIRFLOW_FERNET_KEY"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
        self.services = load(self.secrets)["services"]
        for folder in ("staging", "logs", "config", "bin"):
            (home / folder).mkdir()
        (home / "bin" / "airflow").symlink_to(Path(sys.executable).with_name("airflow"))
        (home / "bin" / "python").symlink_to(sys.executable)
        self.rewritten = {
            f"airflow:{self.secrets['POSTGRES_PASSWORD']}@postgres:5432/airflow": (
                f"{database.user}@{database.address}/{database.airflow}"
            ),
            "integrations:": f"{database.ledger}:",
            "@postgres:5432/integrations": f"@{database.address}/{database.ledger}",
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

    def health(self, service: str) -> list[str]:
        """The health check's command; it asks this topology's ports."""
        how, *words = self.services[service]["healthcheck"]["test"]
        there = [
            ("localhost:8080", self.url.removeprefix("http://")),
            ("localhost:8974", f"127.0.0.1:{self.health_port}"),
        ]
        words = [self.here(word) for word in words]
        for old, new in there:
            words = [word.replace(old, new) for word in words]
        return ["bash", "-c", *words] if how == "CMD-SHELL" else words

    def start(self, service: str, *more: str) -> None:
        self.processes.start(service, [*self.command(service), *more], self.environment(service))


def assert_apart(server: Server, password: str) -> None:
    """The ledger's user owns the ledger's database, and may not enter Airflow's."""
    psycopg = pytest.importorskip("psycopg")
    address = f"postgresql://{server.ledger}:{password}@{server.address}"
    with psycopg.connect(f"{address}/{server.ledger}") as connection:
        connection.execute("CREATE TABLE may (be int)")
        connection.rollback()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(f"{address}/{server.airflow}")


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


def test_a_route_runs_end_to_end_with_celery_postgresql_and_redis(tmp_path: Path, database: Server):
    for program in ("redis-server", "psql"):
        if shutil.which(program) is None:
            missing(f"no {program} on PATH")
    with Processes(tmp_path / "process-logs") as processes:
        topology = Topology(tmp_path, database, processes)
        topology.start("redis", "--port", str(topology.redis), "--bind", "127.0.0.1", "--dir", str(tmp_path))
        for service, port in (("shop", topology.shop), ("erp", topology.erp)):
            topology.start(service, "--port", str(port))
        making = {**topology.environment("ledger-database"), **database.variables, "LEDGER_NAME": database.ledger}
        for again in ("", "-again"):
            processes.run(f"ledger-database{again}", topology.command("ledger-database"), making, timeout=60)
        assert_apart(database, topology.secrets["LEDGER_PASSWORD"])
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
        for service in ("dag-processor", "triggerer", "scheduler", "api-server"):
            processes.run(f"health of {service}", topology.health(service), topology.environment(service), timeout=30)
        assert verdict.expected > 100, f"{verdict} until {rfc3339(window.end)}"
