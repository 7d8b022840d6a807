"""What routes cost when Airflow reads its files: ``python -m bench.loading routes_200 | one_route | import``."""

from __future__ import annotations

import json
import os
import subprocess
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
        definition = {**route(1000, "schemas/sales_order.json", one_by_one=False), "schedule": {"cron": "*/5 * * * *"}}
        definition["route"] = f"route_{number:03d}"
        (folder / f"route_{number:03d}.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))


def dags() -> dict[str, Any]:
    import airflow.sdk  # noqa: F401  what every DAG file pays anyway

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "routes")
        folder.mkdir()
        write_routes(folder, 200)
        started = time.perf_counter()
        from airflow_integrations.airflow.loader import load_routes

        imported = time.perf_counter()
        found = load_routes(folder)
        done = time.perf_counter()
        if len(found) != 200:
            raise SystemExit(f"{len(found)} DAGs of 200 routes")
        return {"milliseconds": (done - imported) * 1000, "import_milliseconds": (imported - started) * 1000}


def one_dag() -> dict[str, Any]:
    """As a task process does it: 200 files are there, one DAG is asked for."""
    import airflow.sdk  # noqa: F401

    from airflow_integrations.airflow.loader import load_routes

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "routes")
        folder.mkdir()
        write_routes(folder, 200)
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "route_123"
        started = time.perf_counter()
        found = load_routes(folder)
        done = time.perf_counter()
        if list(found) != ["route_123"]:
            raise SystemExit(f"asked for route_123, built {list(found)}")
        return {"milliseconds": (done - started) * 1000}


def import_time() -> dict[str, Any]:
    """What the installed package adds to ``import airflow`` and to reading its providers' metadata."""
    code = "import time; s = time.perf_counter(); import airflow.sdk; {extra}; print(time.perf_counter() - s)"
    extra = "from airflow_integrations.airflow import plugin, provider; provider.get_provider_info()"

    def seconds(statement: str) -> float:
        runs = [float(subprocess.check_output([sys.executable, "-c", code.format(extra=statement)])) for _ in range(5)]
        return min(runs)

    return {"milliseconds": (seconds(extra) - seconds("pass")) * 1000}


if __name__ == "__main__":
    print(json.dumps({"routes_200": dags, "one_route": one_dag, "import": import_time}[sys.argv[1]]()))
