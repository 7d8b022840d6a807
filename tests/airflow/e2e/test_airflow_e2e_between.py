"""Routes that follow each other by data, in a real Airflow: by assets, and by reading what another one fetched."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from e2e_scene import ON, ROUTE, Airflow, Systems

from airflow_integrations.airflow.maintenance import MAINTENANCE
from airflow_integrations.demo.components import Components

pytestmark = pytest.mark.e2e

DAGS = Path(__file__).parents[3] / "dags"
READER = """
entity: {key: entity.number}
paused: false
incoming: {route: categories}
outgoing:
  http: {connection: systems, method: PUT, path: "/prices/sales/{{ entity.number }}", body: {number: entity.number}}
"""


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory, systems: Systems) -> Iterator[Airflow]:
    """An Airflow whose products come after categories and attributes, and whose prices are what categories fetched."""
    home = tmp_path_factory.mktemp("airflow-between")
    routes = home / "routes"
    routes.mkdir()
    begin = datetime.now(UTC) - timedelta(minutes=3)
    after = (
        f"{ON}\ntrigger: {{assets: {{all: [categories, attributes]}}}}\n"
        f"window: {{initial: '{begin:%Y-%m-%dT%H:%M:%SZ}', overlap: 0s}}"
    )
    for name, more in {"categories": f"{ON}\nmax_active_runs: 3", "attributes": ON, "products": after}.items():
        (routes / f"{name}.yaml").write_text(ROUTE.format(name=name, more=more))
    (routes / "prices.yaml").write_text(READER)
    settings = {
        "AIRFLOW_CONN_SYSTEMS": json.dumps({"conn_type": "http", "host": systems.url}),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(routes),
        "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    }
    with Components(home, settings, dags=DAGS, pools=False) as components:
        airflow = Airflow(components)
        wanted = {"categories", "attributes", "products", "prices", MAINTENANCE}
        airflow.wait("the DAGs", lambda: wanted <= {dag["dag_id"] for dag in airflow.call("GET", "/dags")["dags"]})
        yield airflow


def deliver(airflow: Airflow, dag: str, *numbers: str) -> str:
    """A run of these entities, until its end."""
    run = airflow.trigger(dag, {"entities": [{"number": number, "total": "1.00"} for number in numbers]})
    airflow.ended(dag, run)
    return run


def events(airflow: Airflow, route: str) -> list[dict[str, Any]]:
    """What Airflow has heard of the asset of a route, oldest first."""
    assets = airflow.call("GET", f"/assets?name_pattern=route.{route}&only_active=false")["assets"]
    (asset,) = [asset for asset in assets if asset["name"] == f"route.{route}"] or [None]
    if asset is None:
        return []
    assert asset["uri"] == f"integrations://route/{route}"
    return airflow.call("GET", f"/assets/events?asset_id={asset['id']}&order_by=timestamp")["asset_events"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def quiet(airflow: Airflow, dag: str) -> list[dict[str, Any]]:
    """Its runs, when none is under way any more and none is about to begin."""

    def look() -> list[dict[str, Any]] | None:
        queued = airflow.call("GET", f"/dags/{dag}/assets/queuedEvents", expect=None) if _queued(airflow, dag) else {}
        runs = airflow.runs(dag)
        return runs if not queued and all(run["state"] in ("success", "failed") for run in runs) else None

    return airflow.wait(f"the end of the runs of {dag}", look)


def _queued(airflow: Airflow, dag: str) -> bool:
    url = f"{airflow.components.url}/api/v2/dags/{dag}/assets/queuedEvents"
    return airflow.session.get(url, timeout=30).status_code == 200  # 404: none


def unique() -> str:
    return uuid.uuid4().hex[:8]


def test_products_come_after_categories_and_attributes(between: Airflow, systems: Systems) -> None:
    number = unique()
    run = deliver(between, "categories", number, unique())
    (event,) = events(between, "categories")
    assert event["extra"] | {"window": None} == {
        "route": "categories",
        "run_id": run,
        "delivered": 2,
        "window": None,
    }
    assert (event["source_dag_id"], event["source_task_id"]) == ("categories", "push")
    deliver(between, "categories", number)  # unchanged: nothing was delivered
    assert len(events(between, "categories")) == 1
    assert between.runs("products") == []
    deliver(between, "attributes", unique())
    (products,) = between.wait("a run of products", lambda: between.runs("products"))
    assert products["run_type"] == "asset_triggered"
    between.ended("products", products["dag_run_id"])
    (window,) = systems.state("products")["windows"]
    assert moment(window[1]) > max(moment(event["timestamp"]) for event in events(between, "attributes"))


def test_a_burst_of_changes_is_few_runs_and_the_last_has_seen_all(between: Airflow, systems: Systems) -> None:
    before = len(quiet(between, "products"))
    systems.control("products", hold=True)
    for _ in range(4):
        deliver(between, "categories", unique())
        deliver(between, "attributes", unique())
    heard = events(between, "categories") + events(between, "attributes")
    systems.control("products", hold=False)
    after = quiet(between, "products")[before:]
    assert 1 <= len(after) < 4
    assert {run["state"] for run in after} == {"success"}
    windows = sorted(systems.state("products")["windows"], key=lambda window: moment(window[1]))
    assert moment(windows[-1][1]) > max(moment(event["timestamp"]) for event in heard)
    for (_, end), (start, _) in zip(windows, windows[1:], strict=False):
        assert start == end, "between two runs there is no gap, and nothing is asked for twice"


def test_prices_are_what_categories_fetched(between: Airflow, systems: Systems) -> None:
    between.ended(MAINTENANCE, between.trigger(MAINTENANCE))  # prices is known to read from now on
    numbers = [unique() for _ in range(3)]
    for number in numbers:
        deliver(between, "categories", number)
    between.ended(MAINTENANCE, between.trigger(MAINTENANCE))
    (run,) = between.wait("a run of prices", lambda: between.runs("prices"))
    between.ended("prices", run["dag_run_id"])
    assert run["conf"] == {"events": True}
    state = systems.state("prices")
    assert state["received"] == numbers
    assert state["windows"] == []
    assert f"read 3 entity entities of 3 fetches of categories" in between.log("prices", run["dag_run_id"], "fetch")
    assert len(events(between, "prices")) == 1
