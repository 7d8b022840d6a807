"""Airflow without a database: its home is a folder of this session, its Connections are in the environment."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

_home = tempfile.TemporaryDirectory(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
# Whatever it says, where it is set only Airflow knows the setup: all commands of the process would load Airflow.
os.environ.pop("AIRFLOW__CORE__UNIT_TEST_MODE", None)
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(_home.name) / "dags")

DEFINITION: dict[str, Any] = {
    "route": "orders",
    "description": "Orders go to the books.",
    "owner": "sales-ops",
    "tags": ["sales"],
    "priority": "high",
    "tasks": {"together": 0},  # each stage in its own task, as it is with many entities
    "entity": {"name": "order", "key": "order.number"},
    "incoming": {"http": {"connection": "shop", "path": "/orders", "records": "body.orders"}},
    "transform": [{"filter": 'order.status == "paid"'}],
    "outgoing": {"none": {}},
}


@pytest.fixture
def make_route() -> Callable[..., Any]:
    """A route like ``DEFINITION``, with other values for some of its keys."""
    from airflow_integrations.route.definition import Route

    def make(**changes: Any) -> Route:
        return Route.load(DEFINITION | changes)

    return make


class TaskInstance:
    """What operators ask of a task instance outside of a run."""

    map_index = -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def make_context() -> Callable[..., dict[str, Any]]:
    """The context of a task of a DAG, as far as operators look at it."""
    from airflow.sdk.execution_time.context import OutletEventAccessors

    def make(dag: Any = None, *, conf: Any = None, run_after: Any = None, **more: Any) -> dict[str, Any]:
        ti = TaskInstance()
        return {
            "dag": dag,
            "run_id": "manual__1",
            "dag_run": SimpleNamespace(conf=conf, run_after=run_after),
            "params": {},
            "outlet_events": OutletEventAccessors(),
            "ti": ti,
            "task_instance": ti,
            **more,
        }

    return make


@pytest.fixture(autouse=True)
def _of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own staging and its own ledger."""
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING", str(tmp_path / "staging"))
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "test_ledger")
    monkeypatch.setenv(
        "AIRFLOW_CONN_TEST_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "ledger.db")})
    )
