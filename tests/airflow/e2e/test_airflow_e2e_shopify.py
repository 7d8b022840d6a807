"""The reference scenario in a real Airflow: a payment in Shopify is a sales order in SAP within two seconds, its
customer first, also where the consumer is killed. The same with ``make demo-shopify-check AIRFLOW=1``, which also kills
the webhook server."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_scene import DAGS, MAINTENANCE, Airflow

from airflow_integrations.demo.shopify_sap import carriers
from airflow_integrations.demo.shopify_sap.check import POINTS, live_through
from airflow_integrations.demo.shopify_sap.connections import airflow_variables
from airflow_integrations.demo.shopify_sap.room import EXAMPLE, Room

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]

WITHIN = 2.0
"""Seconds from a payment to its sales order, where nothing is in the way."""
PATIENCE = 300.0


@pytest.fixture
def room(airflow: Airflow, tmp_path: Path) -> Iterator[Room]:
    """Airflow has the scenario's routes and Connections as long as the test lasts; then its slots are free again."""
    components = airflow.components
    routes = Path(components.env["AIRFLOW__CORE__DAGS_FOLDER"]) / "routes" / EXAMPLE.name
    with Room(tmp_path, DAGS / EXAMPLE, points=POINTS, hooks=components.port) as room:
        variables = airflow_variables(room.env)
        names = [name.removeprefix("AIRFLOW_CONN_").lower() for name in variables]
        for name, text in zip(names, variables.values(), strict=True):
            fields: dict[str, Any] = json.loads(text)
            extra = json.dumps(fields.pop("extra", {}))
            airflow.call("POST", "/connections", {"connection_id": name, "extra": extra, **fields})
        shutil.copytree(DAGS / EXAMPLE, routes)
        for file in routes.glob("*.yaml"):  # a run that nobody asked for costs seconds of CPU time
            file.write_text(re.sub(r"^schedule:.*\n", "", file.read_text(), flags=re.MULTILINE))
        airflow.read_again(MAINTENANCE)
        yield room
    for dag in carriers.DAGS:
        airflow.call("PATCH", f"/dags/{dag}", {"is_paused": True})
        for run in airflow.runs(dag):
            if run["state"] == "running":
                airflow.call("PATCH", f"/dags/{dag}/dagRuns/{run['dag_run_id']}", {"state": "failed"})
    shutil.rmtree(routes)
    airflow.read_again(MAINTENANCE)
    for name in names:
        airflow.call("DELETE", f"/connections/{name}")


def test_each_payment_is_one_sales_order_in_a_real_airflow(airflow: Airflow, room: Room, record_property: Any) -> None:
    carrier = carriers.InAirflow(room, airflow.components, spares_server=True)
    report = live_through(room, carrier, timeout=PATIENCE, orders=(5, 20, 21))
    for figures in report.figures:
        print(figures)
        record_property(figures.phase, str(figures))
    assert report.faults == ()
    assert report.throttled > 0
    quiet, *_ = report.figures
    assert quiet.p50 < WITHIN, quiet
