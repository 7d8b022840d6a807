"""What each task pays before its work begins: only what its own route needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROUTE = """
entity: {key: entity.id}
incoming: {http: {connection: shop, path: /x, records: body}}
transform: [{filter: entity.paid}]
outgoing: {none: {}}
"""

PROGRAM = """
import importlib.metadata, sys
from airflow.sdk import DAG, BaseOperator, Param, SkipMixin
from airflow.sdk.configuration import conf

conf.get("integrations", "routes")
before = set(sys.modules)
importlib.metadata.entry_points = lambda **group: print("entry points") or ()
from airflow_integrations.airflow.dag.loader import load_routes

dags = load_routes(sys.argv[1])
print(*dags)
print(*(set(sys.modules) - before))
"""

LATER = ("aiohttp", "RestrictedPython", "jsonschema_rs", "lxml.etree", "alembic", "rich", "sqlalchemy")


def test_a_task_loads_its_own_route_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "routes").mkdir()
    for name in ("mine", "other"):
        (tmp_path / "routes" / f"{name}.yaml").write_text(ROUTE)
    env = {**os.environ, "_AIRFLOW_PARSING_CONTEXT_DAG_ID": "mine"}
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "loader.py")]
    done = subprocess.run(program, env=env, capture_output=True, text=True, check=True)
    *before, dags, modules = done.stdout.splitlines()
    assert before == [], "the metadata of everything installed was read to find kinds that are built in"
    assert dags == "mine"
    loaded = sorted(modules.split())
    assert "airflow_integrations.incoming.http.source" in loaded
    assert [name for name in loaded if name in LATER] == []
    assert [name for name in loaded if ".transform." in name and name.endswith((".lookup", ".validate", ".map"))] == []
    assert "airflow_integrations.outgoing.http.target" not in loaded
    assert "airflow_integrations.config.field_docs" not in loaded, "docstrings are for JSON Schema only"
