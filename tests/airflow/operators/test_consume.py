"""The DAG of a route's consumer, and its operator on a real ledger."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.dag.assets import outlets
from airflow_integrations.airflow.dag.dag_ids import is_live, live_dag_id, route_of_live
from airflow_integrations.airflow.dag.loader import load_routes
from airflow_integrations.airflow.operators.consume import build_live_dag
from airflow_integrations.ledger.inbox.consumers import consumed
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.none import NoOutgoing

LOW = {"trigger": {"latency": "low"}}


class Events(list[Any]):
    def add(self, asset: Any, extra: Any) -> None:
        self.append((asset.name, extra))


@pytest.fixture
def context() -> dict[str, Any]:
    return {"run_id": "scheduled__1", "ti": None, "outlet_events": defaultdict(Events)}


def put(number: int) -> None:
    body = json.dumps([{"number": number, "status": "paid"}]).encode()
    with open_ledger() as ledger:
        event = NewEvent(route="orders", event_id=f"e-{number}", body=body, source="webhook")
        ledger.inbox.put([event], time.time())


def status(key: str) -> str | None:
    with open_ledger() as ledger:
        found = where(ledger, "orders", key, time.time())
    return found.status if found else None


def test_it_has_a_dag_of_its_own(make_route: Callable[..., Any]) -> None:
    dag = build_live_dag(make_route(**LOW))
    assert dag.dag_id == live_dag_id("orders") == "orders__live"
    assert (dag.max_active_runs, dag.catchup) == (2, False)
    (task,) = dag.tasks
    assert (task.task_id, task.retries) == ("consume", 100)
    assert route_of_live("orders__live") == "orders"
    assert route_of_live("orders") is None
    assert not is_live(make_route())


def test_the_loader_gives_both_and_in_a_task_only_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__INTEGRATIONS__ROUTES", raising=False)
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "orders.yaml").write_text(
        "entity: {key: entity.id}\ntrigger: {latency: low}\noutgoing: {none: {}}\n"
    )
    assert {"orders", "orders__live"} <= load_routes(tmp_path / "loader.py").keys()
    monkeypatch.setattr("airflow_integrations.airflow.dag.loader.get_parsing_context", lambda: Asked)
    assert list(load_routes(tmp_path / "loader.py")) == ["orders__live"]


class Asked:
    dag_id = "orders__live"


def consume_until_delivered(operator: Any, context: dict[str, Any]) -> Any:
    """Its result, where it is asked to end once entity 1 is delivered."""

    def end_when_delivered() -> None:
        until = time.monotonic() + 30
        while status("1") != "delivered" and time.monotonic() < until:
            time.sleep(0.05)
        operator.on_kill()

    ending = threading.Thread(target=end_when_delivered)
    ending.start()
    try:
        return operator.execute(context)
    finally:
        ending.join()


def test_it_ends_when_it_is_asked_to_and_says_what_it_did(
    make_route: Callable[..., Any], context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def delivered(self: Any, batch: Any) -> list[Result]:
        return [Result("delivered") for _ in batch]

    monkeypatch.setattr(NoOutgoing, "send", delivered)
    route = make_route(**LOW)
    put(1)
    result = consume_until_delivered(build_live_dag(route).get_task("consume"), context)
    assert result["counts"]["delivered"] == 1
    assert status("1") == "delivered"
    with open_ledger() as ledger:
        assert consumed(ledger, time.time()) == set()


def test_what_it_delivered_changes_the_routes_asset(
    make_route: Callable[..., Any], context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def delivered(self: Any, batch: Any) -> list[Result]:
        return [Result("delivered") for _ in batch]

    monkeypatch.setattr(NoOutgoing, "send", delivered)
    route = make_route(**LOW)
    put(1)
    result = consume_until_delivered(build_live_dag(route).get_task("consume"), context)
    assert result["counts"]["delivered"] == 1
    (alias,) = outlets(route)
    expected = {"route": "orders", "delivered": 1, "run_id": "scheduled__1"}
    assert context["outlet_events"][alias] == [("route.orders", expected)]
