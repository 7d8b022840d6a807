"""Airflow's four components, a source and a target, all real processes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from airflow_preload import preload
from e2e_queues import Queues
from e2e_scene import (
    BROKEN,
    DAGS,
    HOOK_SECRET,
    LEASED_SECONDS,
    MAINTENANCE,
    ROUTES,
    ROUTES_ON_POSTGRES,
    Airflow,
    Systems,
    listening,
    missing,
    write_routes,
)
from git_repository import Repository
from git_scene import bundles, git_routes
from warm_airflow import warm
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
    # An outage ends a try at once. An answer that is held back is waited for: a second request would be seen.
    how = {"retry_budget": 0.2, "read_timeout": 600}
    connection = {"conn_type": "http", "host": systems.url, "extra": {"integrations": how}}
    return {
        "AIRFLOW_CONN_SYSTEMS": json.dumps(connection),
        "AIRFLOW_CONN_PEOPLE": f"generic://:{quote(f'json://127.0.0.1:{systems.port}/told/messages', safe='')}@",
        "AIRFLOW_CONN_OTHERS": f"generic://:{quote(f'json://127.0.0.1:{systems.port}/late/messages', safe='')}@",
        "AIRFLOW_CONN_HOOK_SECRET": json.dumps({"conn_type": "generic", "password": HOOK_SECRET}),
        "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",  # the routes stay as they are
        # A look takes the scheduler 50 ms: with the demo's pause of 0.1 s it takes a third of a core to find nothing.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    }


@contextmanager
def _started(components: Components, routes: Collection[str]) -> Iterator[Airflow]:
    with warm(components):
        airflow = Airflow(components)
        airflow.has({*routes, MAINTENANCE})
        yield airflow


@pytest.fixture(scope="module")
def repository(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Repository | None:
    """The git repository of a DAG bundle; None without Airflow's provider for git."""
    if find_spec("airflow.providers.git") is None:
        return None
    return shared.get("repository", lambda: nullcontext(git_routes(tmp_path_factory.mktemp("git") / "repository")))


@pytest.fixture(scope="module")
def airflow(
    shared: Shared, tmp_path_factory: pytest.TempPathFactory, systems: Systems, repository: Repository | None
) -> Airflow:
    """On SQLite, with 4 slots and a pool for each priority: one for all of the group ``airflow``. Where Airflow's
    provider for git is installed, it also has the routes of ``repository``."""

    def start() -> AbstractContextManager[Airflow]:
        home = tmp_path_factory.mktemp("airflow")
        preload(home, SOONER)
        (home / "in").mkdir()
        folder = {"path": f"{home}/in/*.csv", "every": "0.5s", "stable": "1s", "then": {"move": "done"}}
        routes = ROUTES | {"files": listening("files", {"files": folder})}
        dags = home / "dags"
        write_routes(dags / "routes", routes | BROKEN)
        for file in DAGS.glob("*.py"):
            shutil.copy(file, dags)
        settings = _settings(home, systems)
        if repository is not None:
            settings |= {
                "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles(repository)),
                "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
            }
            routes |= {"versioned": ""}
        return _started(Components(home, settings, dags=dags, pools=True), routes)

    return shared.get("airflow", start)


SOONER = f"""
import apprise

# What notifies somebody would each time load the hundred kinds that Apprise knows.
apprise.Apprise().add("json://127.0.0.1")

import airflow_integrations.engine.push.outcomes

airflow_integrations.engine.push.outcomes.LEASED_SECONDS = {LEASED_SECONDS}
"""
POSTGRES = os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres")
INCOMING = """
incoming:
  http:
    connection: systems
    path: /asks/orders
    query: {from: "{{ window.start }}", to: "{{ window.end }}"}
    records: body.orders
    pagination: {style: cursor, next: body.next, param: cursor}
"""


@pytest.fixture(scope="module")
def queues(shared: Shared) -> Queues:
    """Those that the routes ``hears`` and ``asks`` listen to; not declared where there is no RabbitMQ."""
    return shared.get("queues", _declared)


@contextmanager
def _declared() -> Iterator[Queues]:
    queues = Queues(["hears", "asks"])
    with contextlib.suppress(OSError):
        queues.declare()
    yield queues
    if queues.declared:
        queues.remove()


@pytest.fixture(scope="module")
def airflow_on_postgres(
    shared: Shared, tmp_path_factory: pytest.TempPathFactory, systems: Systems, queues: Queues
) -> Airflow:
    """On PostgreSQL in a database of its own, with 2 slots and no pools but Airflow's own: one for all of the group
    ``postgres``."""
    return shared.get("airflow on postgres", lambda: _on_postgres(tmp_path_factory, systems, queues))


@contextmanager
def _on_postgres(folders: pytest.TempPathFactory, systems: Systems, queues: Queues) -> Iterator[Airflow]:
    import psycopg

    name = f"airflow_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL at {POSTGRES} (TEST_POSTGRES_DSN): {error}")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            home = folders.mktemp("airflow-postgres")
            preload(home)
            write_routes(home / "routes", ROUTES_ON_POSTGRES)
            info = server.info
            url = f"postgresql+psycopg://{info.user}:{info.password}@{info.host}:{info.port}/{name}"
            settings = _settings(home, systems) | {
                "AIRFLOW__INTEGRATIONS__ROUTES": str(home / "routes"),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
                "AIRFLOW__CORE__PARALLELISM": "2",
                # How soon another one takes over from a triggerer that died: 30 s by default, and the heart beats
                # every 5 s.
                "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
            }
            with _started(Components(home, settings, dags=DAGS, pools=False), ROUTES_ON_POSTGRES) as airflow:
                # In Airflow's database: the triggerer reads it as a task would, through Airflow.
                airflow.call("POST", "/connections", queues.connection("shop_queue"))
                listen = {
                    route: {"rabbitmq": {"connection": "shop_queue", "queue": queue}}
                    for route, queue in queues.names.items()
                }
                write_routes(
                    home / "routes",
                    {
                        "hears": listening("hears", listen["hears"]),
                        "asks": listening("asks", listen["asks"], INCOMING),
                    },
                )
                airflow.read_again(MAINTENANCE)
                airflow.has({"hears", "asks"})
                yield airflow
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
