"""What routes cost when Airflow reads its files: ``python -m bench.loading routes_200 | one_route | import``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.definition import SCHEMA, route


def write_routes(folder: Path, count: int) -> None:
    """The benchmark's route under ``count`` names; JSON is YAML, and it is written as YAML files are: indented."""
    import yaml

    (folder / "schemas").mkdir()
    (folder / "schemas" / "sales_order.json").write_text(json.dumps(SCHEMA))
    for number in range(count):
        definition = {**route(1000, "schemas/sales_order.json", how="bulk"), "schedule": {"cron": "*/5 * * * *"}}
        definition["route"] = f"route_{number:03d}"
        (folder / f"route_{number:03d}.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))


def as_airflow_forks() -> None:
    """Bring this process to where Airflow's own are when they fork one that reads DAGs: with Airflow imported and its
    heap frozen. None of that is ours."""
    import gc
    from importlib import import_module

    for room in ("dag_processing.dagbag", "sdk.configuration", "sdk.execution_time.task_runner", "sdk.plugins_manager"):
        import_module(f"airflow.{room}")
    from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable, Param, SkipMixin  # noqa: F401  loaded lazily

    gc.collect()
    gc.freeze()


class Clock:
    """What passed since it was made, or last asked. CPU time is what counts: the wall's hangs on the neighbours."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> dict[str, float]:
        wall, cpu = self.wall, self.cpu
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return {f"{name}milliseconds": (self.wall - wall) * 1000, f"{name}cpu_milliseconds": (self.cpu - cpu) * 1000}


def dags() -> dict[str, Any]:
    """As the DAG processor does it: every file's child is a fork that has not seen a route yet."""
    as_airflow_forks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "routes")
        folder.mkdir()
        write_routes(folder, 200)
        clock = Clock()
        from airflow_integrations.airflow.dag.loader import load_routes

        imported = clock.lap("import_")
        found = load_routes(Path(name, "loader.py"))
        figures = clock.lap("") | imported
        if len(found) != 201:  # and the maintenance DAG
            raise SystemExit(f"{len(found)} DAGs of 200 routes")
        return figures


def one_dag() -> dict[str, Any]:
    """As a task process does it: 200 files are there, one DAG is asked for.

    ``cold`` is what each task pays after the import: the kinds that the route uses are imported and their models
    built. ``warm`` is the same once more: to find, read and check the file and to build the DAG.
    """
    as_airflow_forks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "routes")
        folder.mkdir()
        write_routes(folder, 200)
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "route_123"
        clock = Clock()
        from airflow_integrations.airflow.dag.loader import load_routes

        figures = clock.lap("import_")
        for state in ("cold_", "warm_"):
            found = load_routes(Path(name, "loader.py"))
            figures |= clock.lap(state)
            if list(found) != ["route_123"]:
                raise SystemExit(f"asked for route_123, built {list(found)}")
        return figures


def import_time() -> dict[str, Any]:
    """What the installed package adds to every process of Airflow: its plugin, and its entry as a provider."""
    as_airflow_forks()
    clock = Clock()
    from airflow_integrations.airflow import plugin, provider

    provider.get_provider_info()
    figures = clock.lap("")
    assert plugin.IntegrationsPlugin.name
    return figures


if __name__ == "__main__":
    print(json.dumps({"routes_200": dags, "one_route": one_dag, "import": import_time}[sys.argv[1]]()))
