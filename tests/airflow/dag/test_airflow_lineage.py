from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow_tasks import task_of
from message_servers import Hook, http

from airflow_integrations.airflow import build_dag
from airflow_integrations.airflow.dag.lineage import place
from airflow_integrations.route.definition import Route

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with http() as endpoint:
        yield endpoint


def outgoing(path: str, connection: str = "erp") -> Any:
    return {"outgoing": {"http": {"connection": connection, "method": "PUT", "path": path}}}


def places(task: Any) -> list[str]:
    """Where a task says that it writes to, less the route's own asset, which it knows by an alias."""
    return [outlet.uri for outlet in task.outlets if isinstance(outlet, Asset)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/orders", "orders"),
        ("/api/v2/orders/{{ order.number }}", "api/v2/orders"),
        ("/orders-{{ order.number }}", ""),
        ("/orders/{% if order.new %}new{% endif %}", "orders"),
        ("/orders?dry={{ order.number }}", "orders"),
        ("/bestellungen/ä ö", "bestellungen/%C3%A4%20%C3%B6"),
        ("/", ""),
    ],
)
def test_a_place_is_the_connection_and_the_fixed_part_of_the_path(
    make_route: Callable[..., Route], path: str, name: str
) -> None:
    assert place(make_route(**outgoing(path)).outgoing) == ("erp", name)


def test_the_place_of_an_upsert_is_that_of_its_requests(make_route: Callable[..., Route]) -> None:
    find = {"path": "/search/customers", "query": {"ref": "{{ order.number }}"}}
    update = {"path": "/customers/{{ target.id }}"}
    for upsert, name in (
        ({"find": find, "create": {"path": "/clients"}, "update": update}, "clients"),
        ({"find": find, "update": update}, "customers"),
    ):
        end = make_route(outgoing={"http": {"connection": "erp", "upsert": upsert}}).outgoing
        assert place(end) == ("erp", name)


def test_the_folder_of_files_is_their_place(make_route: Callable[..., Route]) -> None:
    route = make_route(
        incoming={"files": {"connection": "bucket", "path": "s3://in/prices/day_?/*.csv"}},
        outgoing={"files": {"connection": "sftp", "path": "/out/a/prices_{{ window.start | date }}.csv"}},
    )
    assert place(route.incoming) == ("bucket", "in/prices")
    assert place(route.outgoing) == ("sftp", "out/a")


def test_the_place_of_a_table_has_its_name(make_route: Callable[..., Route]) -> None:
    route = make_route(outgoing={"sql": {"connection": "erp", "table": "sales.orders", "key": "id"}})
    assert place(route.outgoing) == ("erp", "sales.orders")


GRAPHQL = {"connection": "shop", "path": "/graphql"}
QUERY = "query ($after: String) { orders(first: 9, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"
MUTATION = "mutation ($id: ID!) { orderSet(id: $id) { id userErrors { message } } }"
ODATA = {"connection": "sap", "entity_set": "srv/A_SalesOrder"}


@pytest.mark.parametrize(
    ("more", "source", "target"),
    [
        ({"incoming": {"graphql": {**GRAPHQL, "query": QUERY, "records": "orders"}}}, ("shop", "graphql"), None),
        (
            {"outgoing": {"graphql": {**GRAPHQL, "query": MUTATION, "variables": {"id": "order.number"}}}},
            None,
            ("shop", "graphql"),
        ),
        ({"incoming": {"odata": ODATA}}, ("sap", "srv/A_SalesOrder"), None),
        ({"outgoing": {"odata": {**ODATA, "key": {"ID": "order.number"}}}}, None, ("sap", "srv/A_SalesOrder")),
    ],
    ids=["graphql-in", "graphql-out", "odata-in", "odata-out"],
)
def test_airflow_takes_routes_of_the_kinds_on_top_of_http(
    make_route: Callable[..., Route], more: Any, source: Any, target: Any
) -> None:
    route = make_route(**more)
    assert source is None or place(route.incoming) == source
    assert target is None or place(route.outgoing) == target
    assert build_dag(route).dag_id == route.route


def test_source_and_target_are_in_airflows_lineage(make_route: Callable[..., Route]) -> None:
    dag = build_dag(make_route(**outgoing("/orders/{{ order.number }}")))
    ends = {task.task_id: ([i.uri for i in task.inlets], places(task)) for task in dag.tasks}
    assert ends == {
        "fetch": (["integrations://shop/orders"], []),
        "transform": ([], []),
        "push": ([], []),  # only what delivers something changes it: see the events of the route's asset
        "settle": (["integrations://route/orders", "integrations://erp/orders"], []),  # see changing_assets
    }


def test_a_kind_without_a_connection_is_no_place(make_route: Callable[..., Route]) -> None:
    assert [places(task) for task in build_dag(make_route(outgoing={"none": {}})).tasks] == [[]] * 4


def emit(hook: Hook, task: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What OpenLineage's provider does with a task that has ended well: real extraction, real transport."""
    from airflow.providers.openlineage.extractors.manager import ExtractorManager
    from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
    from airflow.utils.state import TaskInstanceState
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    transport = HttpTransport(HttpConfig.from_dict({"type": "http", "url": f"http://{hook.url}"}))
    run = SimpleNamespace(run_id="manual__1")
    with caplog.at_level(logging.WARNING):
        found = ExtractorManager().extract_metadata(run, task, TaskInstanceState.SUCCESS, SimpleNamespace())
    assert "Failed to extract" not in caplog.text
    client = OpenLineageClient(transport=transport)
    OpenLineageAdapter(client).complete_task(
        run_id="01941f29-7c00-7d3b-8f00-000000000001",
        job_name=f"orders.{task.task_id}",
        end_time=NOW.isoformat(),
        task=found,
        nominal_start_time=None,
        nominal_end_time=None,
        owners=None,
        tags=None,
        job_description=None,
    )
    client.close()


def test_openlineage_hears_what_each_stage_read_and_wrote(
    make_route: Callable[..., Route],
    make_context: Callable[..., Any],
    hook: Hook,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ERP", json.dumps({"conn_type": "http", "host": f"http://{hook.url}"}))
    dag = build_dag(make_route(transform=[], outgoing={"http": {"connection": "erp", "path": "/orders"}}))
    context = make_context(dag, conf={"entities": [{"number": 1}, {"number": 2}]}, run_after=NOW)
    for stage in ("fetch", "transform", "push"):
        task_of(dag, stage).execute(context)
    assert len(hook.bodies) == 2
    hook.bodies.clear()
    for stage in ("fetch", "transform", "push"):
        emit(hook, dag.get_task(stage), caplog)
    fetched, transformed, pushed = hook.bodies
    assert [(one["namespace"], one["name"]) for one in fetched["inputs"]] == [("integrations://shop", "/orders")]
    assert fetched["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == 2
    assert fetched["outputs"] == []
    assert (transformed["inputs"], transformed["outputs"]) == ([], [])
    assert [(one["namespace"], one["name"]) for one in pushed["inputs"]] == [("integrations://shop", "/orders")]
    assert [(one["namespace"], one["name"]) for one in pushed["outputs"]] == [("integrations://erp", "/orders")]
    assert pushed["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 2
