"""Routes that follow each other by data, in a real Airflow on PostgreSQL: by assets, and by reading what another one
fetched."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest
from e2e_scene import MAINTENANCE, Airflow, Systems

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def airflow(airflow_on_postgres: Airflow) -> Airflow:
    return airflow_on_postgres


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


def test_products_come_after_categories_and_attributes(airflow: Airflow, systems: Systems) -> None:
    number = unique()
    run = deliver(airflow, "categories", number, unique())
    (event,) = events(airflow, "categories")
    told = {"route": "categories", "run_id": run, "delivered": 2, "window": event["extra"]["window"]}
    assert event["extra"] == told
    assert (event["source_dag_id"], event["source_task_id"]) == ("categories", "fetch")
    deliver(airflow, "categories", number)  # unchanged: nothing was delivered
    assert len(events(airflow, "categories")) == 1
    assert airflow.runs("products") == []
    deliver(airflow, "attributes", unique())
    (products,) = airflow.wait("a run of products", lambda: airflow.runs("products"))
    assert products["run_type"] == "asset_triggered"
    airflow.ended("products", products["dag_run_id"])
    ((_, end),) = systems.state("products")["windows"]
    assert moment(end) > max(moment(event["timestamp"]) for event in events(airflow, "attributes"))


def test_a_burst_of_changes_is_one_run_more_which_has_seen_all(airflow: Airflow, systems: Systems) -> None:
    systems.control("offers", hold=True)
    deliver(airflow, "stock", unique())
    airflow.wait("a run of offers that fetches", lambda: systems.state("offers")["windows"])
    for run in [start(airflow, "stock", unique()) for _ in range(3)]:
        airflow.ended("stock", run)
    heard = events(airflow, "stock")
    assert len(heard) == 4
    systems.control("offers", hold=False)
    (first, second) = airflow.wait(
        "two runs of offers", lambda: found if len(found := airflow.runs("offers")) > 1 else 0
    )
    for run in (first, second):
        airflow.ended("offers", run["dag_run_id"])
    earlier, later = systems.state("offers")["windows"]
    assert earlier[1] == later[0], "nothing between them, and nothing twice"
    assert moment(later[1]) > max(moment(event["timestamp"]) for event in heard)
    assert moment(second["run_after"]) < max(moment(event["timestamp"]) for event in heard), "Airflow's own moment"


def test_prices_are_what_the_catalogue_fetched(airflow: Airflow, systems: Systems) -> None:
    airflow.ended(MAINTENANCE, airflow.trigger(MAINTENANCE))  # prices is known to read from now on
    numbers = [unique() for _ in range(2)]
    for number in numbers:
        deliver(airflow, "catalogue", number)
    airflow.ended(MAINTENANCE, airflow.trigger(MAINTENANCE))
    airflow.wait("the prices", lambda: len(systems.state("prices")["received"]) == 2)
    runs = airflow.runs("prices")  # the maintenance comes by itself, too
    for run in runs:
        airflow.ended("prices", run["dag_run_id"])
    state = systems.state("prices")
    assert state["received"] == numbers
    assert state["windows"] == [], "the source is not asked"
    assert {tuple(run["conf"].items()) for run in runs} == {(("events", True),)}
    assert " of catalogue; the source was not asked" in airflow.log("prices", runs[0]["dag_run_id"], "fetch")
    assert sum(event["extra"]["delivered"] for event in events(airflow, "prices")) == 2


def test_a_basket_goes_out_when_its_buyer_is_delivered(airflow: Airflow, systems: Systems) -> None:
    """The task that delivers the buyer rings; the basket's own next attempt would be in an hour."""
    basket, buyer = unique(), unique()
    first = airflow.trigger("baskets", {"entities": [{"number": basket, "buyer": buyer}]})
    airflow.ended("baskets", first)
    assert systems.state("baskets")["received"] == []
    deliver(airflow, "buyers", buyer)
    airflow.wait("the basket", lambda: systems.state("baskets")["received"] == [basket])
    assert "woken__1" in [run["dag_run_id"] for run in airflow.runs("baskets")]
