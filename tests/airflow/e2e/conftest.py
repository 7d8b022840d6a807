"""Airflow's four components, a source and a target, all real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from airflow_preload import preload
from e2e_scene import DAGS, HOOK_SECRET, MAINTENANCE, ROUTES, Airflow, Systems, write_routes
from xdist_groups import Shared

from airflow_integrations.demo.components import Components
from airflow_integrations.demo.processes import free_ports


@pytest.fixture(scope="module")
def systems(shared: Shared) -> Systems:
    return shared.get("systems", _served)


@contextmanager
def _served() -> Iterator[Systems]:
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("systems.py")), str(port)])
    try:
        found = Systems(f"http://127.0.0.1:{port}")
        end = time.monotonic() + 30
        while True:
            try:
                found.state("ready")
                break
            except requests.ConnectionError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _settings(home: Path, systems: Systems) -> dict[str, str]:
    routes = home / "routes"
    write_routes(routes)
    # An outage ends a try at once. An answer that is held back is waited for: a second request would be seen.
    how = {"retry_budget": 0.2, "read_timeout": 600}
    connection = {"conn_type": "http", "host": systems.url, "extra": {"integrations": how}}
    return {
        "AIRFLOW_CONN_SYSTEMS": json.dumps(connection),
        "AIRFLOW_CONN_PEOPLE": f"generic://:{quote(f'json://127.0.0.1:{systems.port}/told/messages', safe='')}@",
        "AIRFLOW_CONN_HOOK_SECRET": json.dumps({"conn_type": "generic", "password": HOOK_SECRET}),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(routes),
        "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",  # the routes stay as they are
        # A look takes the scheduler 50 ms: with the demo's pause of 0.1 s it takes a third of a core to find nothing.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    }


@contextmanager
def _started(components: Components) -> Iterator[Airflow]:
    with components:
        airflow = Airflow(components)
        wanted = {*ROUTES, MAINTENANCE}
        airflow.wait(
            "the DAGs", lambda: wanted <= {dag["dag_id"] for dag in airflow.call("GET", "/dags?limit=100")["dags"]}
        )
        yield airflow


@pytest.fixture(scope="module")
def airflow(shared: Shared, tmp_path_factory: pytest.TempPathFactory, systems: Systems) -> Airflow:
    """On SQLite, with 4 slots and a pool for each priority: one for all of the group ``airflow``."""

    def start() -> AbstractContextManager[Airflow]:
        home = tmp_path_factory.mktemp("airflow")
        preload(home)
        return _started(Components(home, _settings(home, systems), dags=DAGS, pools=True))

    return shared.get("airflow", start)


POSTGRES = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")


@pytest.fixture(scope="module")
def airflow_on_postgres(tmp_path_factory: pytest.TempPathFactory, systems: Systems) -> Iterator[Airflow]:
    """On PostgreSQL in a database of its own, with 2 slots and no pools but Airflow's own."""
    import psycopg

    name = f"airflow_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        told = f"no PostgreSQL at {POSTGRES} (TEST_POSTGRES_DSN): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            home = tmp_path_factory.mktemp("airflow-postgres")
            info = server.info
            url = f"postgresql+psycopg://{info.user}:{info.password}@{info.host}:{info.port}/{name}"
            settings = _settings(home, systems) | {
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
                "AIRFLOW__CORE__PARALLELISM": "2",
            }
            with _started(Components(home, settings, dags=DAGS, pools=False)) as airflow:
                yield airflow
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
