"""What is loaded before the first entity moves: by a DAG file, and by each task behind it. Upper bounds, so that nobody
adds to them without seeing it; docs/operations/performance.md has the figures."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable, Param, SkipMixin
from airflow.sdk.configuration import conf

for name in [name for name in sys.modules if name.partition(".")[0] in ("sqlalchemy", "yaml")]:
    del sys.modules[name]  # where Airflow has loaded it, nobody would see who else does
before = set(sys.modules)
import airflow_integrations.airflow.dag.factory

for name in sys.argv[1:]:
    __import__(name)
print(*(set(sys.modules) - before))
"""
HEAVY = [
    "RestrictedPython",
    "aiohttp",
    "alembic",
    "fsspec",
    "httpx",
    "jinja2",
    "jsonschema",
    "jsonschema_rs",
    "lxml",
    "psycopg",
    "rich",
    "sqlalchemy",
    "starlette",
]
OURS = "airflow_integrations."
STAGES = {"fetch": 239, "transform": 208, "push": 218, "settle": 210}
"""At most so many modules of this package, those of the DAG file included."""
ALSO = {"fetch": [f"{OURS}engine.settle.settle"], "push": [f"{OURS}engine.settle.settle"]}
"""Both close the books of runs that died before them."""


def loaded(*names: str) -> list[str]:
    program = [sys.executable, "-c", PROGRAM, *names]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return sorted(done.stdout.splitlines()[-1].split())


def heavy(names: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in names} & set(HEAVY)


def test_a_dag_file_loads_no_engine_and_no_database() -> None:
    names = loaded()
    assert [name for name in names if name.startswith((f"{OURS}engine", f"{OURS}ledger.storage"))] == []
    assert heavy(names) == set()
    assert sum(name.startswith(OURS) for name in names) <= 114


@pytest.mark.parametrize("stage", STAGES)
def test_a_task_loads_its_own_stage(stage: str) -> None:
    names = loaded(f"{OURS}engine.{stage}.{stage}", f"{OURS}ledger.ledger")
    assert heavy(names) == {"sqlalchemy"}
    assert sum(name.startswith(OURS) for name in names) <= STAGES[stage]
    others = {"fetch", "transform", "push", "settle", "live"} - {stage}
    whole = [f"{OURS}engine.{other}.{other}" for other in others]
    assert [name for name in names if name in whole] == ALSO.get(stage, [])
