"""How long the console's pages and exports take with a full ledger, asked of a real API server: ``bench pages``.

The ledger is that of ``python -m bench console``: a million entities (or as many as ``python -m bench.large.pages N``
says), 51 routes. Sign-in, permissions, Airflow's metadata database and drawing are in the figures; the browser is not.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from sqlalchemy import text

from airflow_integrations.demo.components import Components
from airflow_integrations.ledger.storage.database import Database
from bench.large import console
from bench.large.console import ENTITIES, ROUTES, figure
from bench.ledgers import fresh, servers
from bench.staged import stage_run

ROUNDS = 15
STAGED = 50_000
"""Entities whose payloads are staged: those of a run that fetched 50 MB."""
_ROUTE = """
entity: {name: order, key: order.number}
schedule: {every: 5m}
incoming:
  http: {connection: shop, path: /orders, records: body.orders}
transform:
  - filter: order.status == "paid"
outgoing:
  http: {connection: erp, method: PUT, path: "/sales/{{ order.number }}"}
"""
_LOADER = (
    '"""The routes as Airflow DAGs."""\n'
    "from airflow_integrations.airflow import load_routes\n"
    "globals().update(load_routes(__file__))\n"
)


def pages(route: str, entities: int) -> dict[str, str]:
    """By name: what is asked for below ``/integrations``."""
    own = f"/routes/{route}"
    return {
        "overview": "/",
        "route": own,
        "route, 30 days": f"{own}?hours=720",
        "entities": f"{own}/entities",
        "entities, failed": f"{own}/entities?status=failed",
        "entities, by prefix": f"{own}/entities?prefix=10005",
        "entity": f"{own}/entities/{key_of(entities // 2)}",
        "entity, failed, with what was answered": f"{own}/entities/{key_of(entities // 2 + STAGED // 2 - 50)}",
        "entity, its source is not in its run": f"{own}/entities/{key_of(entities // 2 + 1)}",
        "errors": "/errors",
        "queue": "/queue",
        "jobs": "/jobs",
        "find": f"/find?key={key_of(entities // 3)}",
    }


def key_of(number: int) -> str:
    return str(1_000_000_000 + number)


def stage_payloads(database: Database, base: Path, route: str, entities: int) -> None:
    """Of the entities in the middle, by one run: what its fetch and its transform have staged. The source of the first
    one behind the middle is not there, as that of what was split from another entity: all is looked through for it."""
    first = entities // 2 - STAGED // 2
    keys = [key_of(first + at) for at in range(STAGED)]
    folder = stage_run(base, route, "staged", keys, without_source={key_of(entities // 2 + 1)}).folder
    with database.write() as connection:
        route_id = connection.scalar(text("SELECT id FROM integrations_route WHERE name = :name"), {"name": route})
        run = connection.scalar(text("SELECT max(id) FROM integrations_run WHERE route_id = :id"), {"id": route_id})
        connection.execute(
            text("UPDATE integrations_run SET staging = :folder WHERE id = :run"), {"folder": str(folder), "run": run}
        )
        connection.execute(
            text(
                "UPDATE integrations_entity SET payload_run = :run, payload_stage = 'push', "
                "payload_at = CAST(key AS BIGINT) - :first WHERE route_id = :id AND key >= :from AND key <= :to"
            ),
            {"run": run, "first": int(keys[0]), "id": route_id, "from": keys[0], "to": keys[-1]},
        )


def api_server(home: Path, ledger: str) -> Components:
    """Started, and nothing beside it: no DAG runs. The caller stops it."""
    (home / "routes").mkdir()
    for number in range(ROUTES + 1):
        (home / "routes" / f"route_{number:02}.yaml").write_text(_ROUTE)
    (home / "dags").mkdir()
    (home / "dags" / "loader.py").write_text(_LOADER)
    made = Components(
        home,
        {
            "AIRFLOW__INTEGRATIONS__ROUTES": str(home / "routes"),
            "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
            "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "ledger",
            "AIRFLOW_CONN_LEDGER": ledger,
        },
        dags=home / "dags",
        pools=False,
    )
    made.processes.run("db-migrate", made.airflow("db", "migrate"), made.env, timeout=300)
    made.processes.run("dags", made.airflow("dags", "reserialize"), made.env, timeout=300)
    made.processes.start("api-server", made.airflow("api-server"), made.env, cwd=home)
    end = time.monotonic() + 300
    while not made.healthy({"metadatabase"}):
        made.check()
        assert time.monotonic() < end, made.processes.tail("api-server")
        time.sleep(0.5)
    return made


def connection(url: str) -> str:
    """The ledger's address as an Airflow Connection."""
    from sqlalchemy.engine import make_url

    parts = make_url(url)
    if parts.drivername.startswith("sqlite"):
        return json.dumps({"conn_type": "sqlite", "host": parts.database})
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": parts.host,
            "port": parts.port,
            "login": parts.username,
            "password": parts.password,
            "schema": parts.database,
        }
    )


def token(made: Components) -> str:
    body = json.dumps({"username": made.user, "password": made.password}).encode()
    asked = urllib.request.Request(f"{made.url}/auth/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return str(json.load(answer)["access_token"])


def processor_seconds(made: Components) -> float:
    """That the API server has worked: on a busy machine this says more than the time that passed."""
    found = [psutil.Process(pid) for pid in made.processes.pids]
    found += [child for process in found for child in process.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in found)


def measure(kind: str, url: str, folder: Path, entities: int) -> None:
    console.NOW = time.time()  # the pages ask about the last day
    with Database.open(url) as database:
        names = console.fill(database, entities)
        stage_payloads(database, folder / "staging", names[0], entities)
    made = api_server(folder, connection(url))
    try:
        headers = {"Authorization": f"Bearer {token(made)}"}
        for name, path in pages(names[0], entities).items():
            took, size, worked = [], 0, 0.0
            for round_ in range(ROUNDS + 1):
                if round_ == 1:
                    worked = processor_seconds(made)
                began = time.perf_counter()
                asked = urllib.request.Request(f"{made.url}/integrations{path}", headers=headers)
                with urllib.request.urlopen(asked) as answer:
                    size = len(answer.read())
                took.append((time.perf_counter() - began) * 1000)
            first, *rest = took
            cpu = (processor_seconds(made) - worked) / ROUNDS * 1000
            p95 = sorted(rest)[int(0.95 * (ROUNDS - 1))]
            middle = statistics.median(rest)
            figure(f"page: {name}", ledger=kind, first_ms=first, p50_ms=middle, p95_ms=p95, cpu_ms=cpu, bytes=size)
        for form in ("csv", "jsonl"):
            export(made, kind, f"/integrations/api/v1/routes/{names[0]}/export?format={form}", headers)
        failed = f"/integrations/api/v1/routes/{names[0]}/export?format=jsonl&status=failed&payloads=true"
        export(made, kind, failed, headers)
    finally:
        made.stop()


def export(made: Components, kind: str, path: str, headers: dict[str, str]) -> None:
    """A file as a program reads it: rows a second, and by how many MB the server has grown at most meanwhile."""
    before, most, rows, size = resident_mb(made), 0.0, 0, 0
    began, worked = time.perf_counter(), processor_seconds(made)
    with urllib.request.urlopen(urllib.request.Request(f"{made.url}{path}", headers=headers)) as answer:
        while chunk := answer.read(256 * 1024):
            rows, size, most = rows + chunk.count(b"\n"), size + len(chunk), max(most, resident_mb(made))
    seconds, cpu = time.perf_counter() - began, processor_seconds(made) - worked
    what = path.partition("?")[2]
    grown = most - before
    figure(f"export: {what}", ledger=kind, rows=rows, rows_per_s=rows / seconds, cpu_s=cpu, bytes=size, grown_mb=grown)


def resident_mb(made: Components) -> float:
    found = [psutil.Process(pid) for pid in made.processes.pids]
    found += [child for process in found for child in process.children(recursive=True)]
    held: float = sum(process.memory_info().rss for process in found) / 1024 / 1024
    return held


def main(entities: int = ENTITIES) -> None:
    with servers() as ledgers:
        for kind, server in ledgers.items():
            with tempfile.TemporaryDirectory() as folder:
                measure(kind, fresh(server, Path(folder)), Path(folder), entities)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
