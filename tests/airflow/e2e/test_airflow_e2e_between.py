"""Routes that follow each other by data, in a real Airflow: by assets, and by reading what another one fetched."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from e2e_scene import DAGS, ON, ROUTE, Airflow, Systems

from airflow_integrations.airflow.maintenance import MAINTENANCE
from airflow_integrations.demo.components import Components

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]

READER = """
entity: {key: entity.number}
paused: false
incoming: {route: catalogue}
outgoing:
  http: {connection: systems, method: PUT, path: "/prices/sales/{{ entity.number }}", body: {number: entity.number}}
"""


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory, systems: Systems) -> Iterator[Airflow]:
    """An Airflow with routes that follow each other; no test has to do with the routes of another."""
    home = tmp_path_factory.mktemp("airflow-between")
    routes = home / "routes"
    routes.mkdir()
    begin = f"{datetime.now(UTC) - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}"
    after = f"{ON}\ntrigger: {{{{assets: {{}}}}}}\nwindow: {{{{initial: '{begin}', overlap: 0s}}}}"
    written = {
        "categories": ON,
        "attributes": ON,
        "products": after.format("{all: [categories, attributes]}"),
        "stock": f"{ON}\nmax_active_runs: 3",
        "offers": after.format("stock"),
        "catalogue": ON,
    }
    for name, more in written.items():
        (routes / f"{name}.yaml").write_text(ROUTE.format(name=name, more=more))
    (routes / "prices.yaml").write_text(READER)
    # An answer that is held back is waited for: a second request would be seen.
    connection = {"conn_type": "http", "host": systems.url, "extra": {"integrations": {"read_timeout": 600}}}
    settings = {
        "AIRFLOW_CONN_SYSTEMS": json.dumps(connection),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(routes),
        "AIRFLOW__INTEGRATIONS__STAGING": str(home / "staging"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    }
    with Components(home, settings, dags=DAGS, pools=False) as components:
        airflow = Airflow(components)
        wanted = {*written, "prices", MAINTENANCE}
        airflow.wait("the DAGs", lambda: wanted <= {dag["dag_id"] for dag in airflow.call("GET", "/dags")["dags"]})
        yield airflow


def start(airflow: Airflow, dag: str, *numbers: str) -> str:
    """A run of these entities."""
    return airflow.trigger(dag, {"entities": [{"number": number, "total": "1.00"} for number in numbers]})


def deliver(airflow: Airflow, dag: str, *numbers: str) -> str:
    """The same, until its end."""
    run = start(airflow, dag, *numbers)
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


def unique() -> str:
    return uuid.uuid4().hex[:8]


def test_products_come_after_categories_and_attributes(between: Airflow, systems: Systems) -> None:
    number = unique()
    run = deliver(between, "categories", number, unique())
    (event,) = events(between, "categories")
    told = {"route": "categories", "run_id": run, "delivered": 2, "window": event["extra"]["window"]}
    assert event["extra"] == told
    assert (event["source_dag_id"], event["source_task_id"]) == ("categories", "push")
    deliver(between, "categories", number)  # unchanged: nothing was delivered
    assert len(events(between, "categories")) == 1
    assert between.runs("products") == []
    deliver(between, "attributes", unique())
    (products,) = between.wait("a run of products", lambda: between.runs("products"))
    assert products["run_type"] == "asset_triggered"
    between.ended("products", products["dag_run_id"])
    ((_, end),) = systems.state("products")["windows"]
    assert moment(end) > max(moment(event["timestamp"]) for event in events(between, "attributes"))


def test_a_burst_of_changes_is_one_run_more_which_has_seen_all(between: Airflow, systems: Systems) -> None:
    systems.control("offers", hold=True)
    deliver(between, "stock", unique())
    between.wait("a run of offers that fetches", lambda: systems.state("offers")["windows"])
    for run in [start(between, "stock", unique()) for _ in range(3)]:
        between.ended("stock", run)
    heard = events(between, "stock")
    assert len(heard) == 4
    systems.control("offers", hold=False)
    (first, second) = between.wait(
        "two runs of offers", lambda: found if len(found := between.runs("offers")) > 1 else 0
    )
    for run in (first, second):
        between.ended("offers", run["dag_run_id"])
    earlier, later = systems.state("offers")["windows"]
    assert earlier[1] == later[0], "nothing between them, and nothing twice"
    assert moment(later[1]) > max(moment(event["timestamp"]) for event in heard)
    assert moment(second["run_after"]) < max(moment(event["timestamp"]) for event in heard), "Airflow's own moment"


def test_prices_are_what_the_catalogue_fetched(between: Airflow, systems: Systems) -> None:
    between.ended(MAINTENANCE, between.trigger(MAINTENANCE))  # prices is known to read from now on
    numbers = [unique() for _ in range(2)]
    for number in numbers:
        deliver(between, "catalogue", number)
    between.ended(MAINTENANCE, between.trigger(MAINTENANCE))
    between.wait("the prices", lambda: len(systems.state("prices")["received"]) == 2)
    runs = between.runs("prices")  # the maintenance comes by itself, too
    for run in runs:
        between.ended("prices", run["dag_run_id"])
    state = systems.state("prices")
    assert state["received"] == numbers
    assert state["windows"] == [], "the source is not asked"
    assert {tuple(run["conf"].items()) for run in runs} == {(("events", True),)}
    assert "fetches of catalogue; the source was not asked" in between.log("prices", runs[0]["dag_run_id"], "fetch")
    assert sum(event["extra"]["delivered"] for event in events(between, "prices")) == 2
