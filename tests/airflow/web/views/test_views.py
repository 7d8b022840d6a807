"""What the API answers, and to whom: a real server, entities that a real run has moved."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import requests
from web_scene import ORDERS, Server, flow, stopped

from airflow_integrations.ledger.actions.payload_edits import edit
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.definitions import remember_definition
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.window import EPOCH, Window

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]

READS = [
    "/overview",
    "/errors",
    "/queue",
    "/inbox",
    "/routes/{route}",
    "/routes/{route}/series",
    "/routes/{route}/runs",
    "/routes/{route}/entities",
    "/routes/{route}/entities/1",
    "/routes/{route}/entity?key=1",
    "/routes/{route}/versions/x",
    "/routes/{route}/versions/x/diff",
]


@pytest.mark.parametrize("path", READS)
def test_nothing_is_open_to_everybody(server: Server, path: str) -> None:
    assert server.call(None, "GET", path.format(route="orders")).status_code == 401


@pytest.mark.parametrize("path", [path for path in READS if "{route}" in path])
def test_a_route_that_one_may_not_read_cannot_be_told_from_one_that_is_not_there(server: Server, path: str) -> None:
    for route in ("stock", "nowhere"):
        answer = server.call("orders_only", "GET", path.format(route=route))
        assert answer.status_code == 403
        assert answer.json()["detail"].endswith(f"may not read a DAG {route}, or there is none")


@pytest.mark.parametrize("path", ["/errors", "/queue", "/inbox"])
def test_only_one_route_is_asked_for_and_may_not_be_read(server: Server, path: str) -> None:
    assert server.call("orders_only", "GET", path, params={"route": "stock"}).status_code == 403


async def test_the_overview_has_every_route_that_one_may_read(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    await flow(server, "stock", "manual__1", ORDERS[:3])
    stopped(server, "orders", {"0001": 1, "0002": 2})
    found = {line["route"]: line for line in server.get("/overview")["routes"]}
    assert set(found) == {"orders", "stock", "never_ran"}
    orders = found["orders"]
    assert (orders["counts"]["fetched"], orders["counts"]["delivered"], orders["counts"]["filtered"]) == (40, 36, 4)
    assert sum(orders["throughput"]) == orders["throughput"][-1] == 36
    assert (orders["open"], orders["runs"]) == ({"failed": 2}, 1)
    assert orders["dag_url"] == "/dags/orders"
    assert orders["outline"] == {
        "entity": "order",
        "stores": False,
        "priority": "high",
        "owner": "airflow",
        "description": "Orders go to the books.",
        "schedule": "every 1h",
        "steps": [
            {"part": "incoming", "kind": "http", "connection": "shop"},
            {"part": "transform", "kind": "filter", "connection": None},
            {"part": "transform", "kind": "map", "connection": None},
            {"part": "outgoing", "kind": "http", "connection": "erp"},
        ],
        "masked": ["customer.email", "lines.*.note"],
        "payloads_kept": "7d",
    }
    assert found["never_ran"]["outline"]["steps"] == orders["outline"]["steps"]
    assert found["never_ran"]["last_run"] is None
    only = server.get("/overview", "orders_only")
    assert [line["route"] for line in only["routes"]] == ["orders"]
    assert only["totals"]["counts"]["fetched"] == 40


async def test_a_route_whose_dag_is_gone_is_for_those_who_may_read_all(server: Server) -> None:
    await flow(server, "stock", "manual__1", ORDERS[:3])
    from sqlalchemy import update

    from airflow_integrations.ledger.storage import tables

    with server.database() as database, database.write() as connection:
        connection.execute(update(tables.route).values(name="forgotten"))
    assert [line["route"] for line in server.get("/overview", "orders_only")["routes"]] == ["orders"]
    assert server.call("orders_only", "GET", "/routes/forgotten").status_code == 403
    view = server.get("/routes/forgotten", "vic")
    assert (view["line"]["state"], view["line"]["dag_url"]) == ("removed", None)
    assert view["definition"].startswith("route: stock")


async def test_a_route_with_its_definition_runs_and_versions(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    view = server.get("/routes/orders", "vic")
    assert view["definition"].startswith("route: orders\n")
    assert (view["unrun"], view["known"]) == (False, {"entities": 36 + 4, "more": False})
    assert (view["may_act"], view["may_trigger"], view["may_see_payloads"]) == (False, False, True)
    (version,) = view["versions"]
    assert (version["hash"], version["runs"], version["kept"]) == (view["hash"], 1, True)
    kept = server.call("vic", "GET", f"/routes/orders/versions/{version['hash']}")
    assert kept.text == view["definition"]
    assert server.get(f"/routes/orders/versions/{version['hash']}/diff")["lines"] == []
    assert server.call("vic", "GET", "/routes/orders/versions/nothing").status_code == 404
    (run,) = server.get("/routes/orders/runs")["runs"]
    assert (run["books"]["run_id"], run["books"]["counts"]["delivered"], run["state"], run["url"]) == (
        "scheduled__1",
        36,
        None,
        None,
    )
    series = server.get("/routes/orders/series", stretches=4)
    assert [each["runs"] for each in series["stretches"]] == [0, 0, 0, 1]
    assert (series["flow"]["to_push"], series["total"]["counts"]["filtered"]) == (36, 4)
    assert server.call("vic", "GET", "/routes/orders/series?since=2027-01-01&until=2026-01-01").status_code == 422


async def test_entities_are_found_by_what_is_known_of_them(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    stopped(server, "orders", {"0003": 3, "0004": 4}, target_id="T-4")

    def keys(**asked: Any) -> list[str]:
        return [line["key"] for line in server.get("/routes/orders/entities", **asked)["entities"]]

    assert keys(status="failed") == ["0003", "0004"]
    assert keys(status=["failed", "filtered"]) == ["0003", "0004", "0009", "0019", "0029", "0039"]
    assert keys(error="f" * 16) == ["0003", "0004"]
    assert keys(text="PRICE") == ["0003", "0004"]
    assert keys(target_id="T-4") == ["0003", "0004"]
    assert keys(prefix="001") == [f"001{digit}" for digit in range(10)]
    assert keys(until="2026-01-01") == []
    assert keys(payload="customer 4") == []  # what is staged is what goes out
    assert keys(payload='"number":"0004"') == ["0004"]
    assert server.call("admin", "GET", "/routes/orders/entities?status=nonsense").status_code == 422


async def test_what_is_masked_is_nowhere_in_an_answer(server: Server) -> None:
    """Neither in the record nor in what goes out under another name, nor by searching for it, nor in an error."""
    await flow(server, "orders", "scheduled__1", ORDERS)
    stopped(server, "orders", {"0003": 3}, message="buyer3@example.com is blocked", history="")
    answer = server.call("admin", "GET", "/routes/orders/entities/0003")
    view = answer.json()
    assert view["payloads"]["source"]["customer"] == {"name": "Customer 3", "email": "***"}
    assert view["payloads"]["source"]["lines"] == [{"sku": "A", "note": "***"}]
    assert view["payloads"]["target"] == {"Number": "0003", "Contact": {"Mail": "***"}}
    assert view["payloads"]["masked"] is True
    assert view["record"]["message"] == "*** is blocked"
    assert "edit" in view["can"]
    assert "12345678901234567.10" in answer.text
    assert "buyer3" not in answer.text
    assert server.get("/routes/orders/entities", payload="buyer3@")["entities"] == []


async def test_what_the_target_was_asked_and_answered(server: Server) -> None:
    refused = {**ORDERS[0], "number": "refused/1", "customer": {"name": "Ana", "email": "ana.buyer@example.com"}}
    await flow(server, "orders", "manual__1", [ORDERS[1], refused])
    answer = server.call("admin", "GET", "/routes/orders/entity", params={"key": "refused/1"})
    found = answer.json()["exchange"]
    assert found["request"] == f"PUT {server.target}/sales/refused%2F1"
    assert found["status"] == 422
    assert found["body"] == found["request_body"] == '{"Number":"refused/1","Contact":{"Mail":"***"}}'
    assert "ana.buyer" not in answer.text
    assert server.get("/routes/orders/entities/0001")["exchange"] is None
    unseen = server.call("no_payloads", "GET", "/routes/orders/entity", params={"key": "refused/1"})
    assert unseen.json()["exchange"] is None


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_of_a_search_in_payloads_have_everything_once(server: Server, limit: int) -> None:
    await flow(server, "stock", "manual__1", ORDERS)
    paid = [str(order["number"]) for order in ORDERS if order["status"] == "paid"]
    stopped(server, "stock", {key: line for line, key in enumerate(paid)})
    wanted = [key for key in paid if key.startswith("001")]
    seen, after = list[str](), None
    while True:
        asked: dict[str, Any] = {"payload": 'number":"001', "limit": limit} | ({"after": after} if after else {})
        page = server.get("/routes/stock/entities", **asked)
        seen += [line["key"] for line in page["entities"]]
        after = page["after"]
        if after is None:
            break
    assert seen == wanted


async def test_payloads_are_for_those_who_may_read_xcoms(server: Server) -> None:
    await flow(server, "stock", "manual__1", ORDERS)
    stopped(server, "stock", {"0003": 3})
    with server.database() as database:
        edit(database, "stock", "0003", '{"Contact": {"Mail": "other@example.com"}}', "ana", time.time())
    seen = server.get("/routes/stock/entities/0003")
    assert seen["payloads"]["edited"] == {"Contact": {"Mail": "other@example.com"}}
    assert seen["payloads"]["target"]["Contact"] == {"Mail": "buyer3@example.com"}
    assert set(seen["can"]) == {"retry", "edit", "skip"}
    unseen = server.call("no_payloads", "GET", "/routes/stock/entities/0003")
    assert unseen.json()["payloads"] is None
    assert unseen.json()["record"]["status"] == "failed"
    assert "@example.com" not in unseen.text
    assert server.call("no_payloads", "GET", "/routes/stock/entities?payload=buyer").status_code == 403


@pytest.mark.parametrize(
    "key",
    [
        "a/b",
        "../../etc/passwd",
        "..",
        "%2e%2e",
        "a?b#c",
        "'; DROP TABLE integrations_entity; --",
        "ключ",
        "a b",
    ],
)
async def test_a_key_is_a_key_whatever_is_in_it(server: Server, key: str) -> None:
    await flow(server, "stock", "manual__1", [{**ORDERS[0], "number": key}, ORDERS[1]])
    assert server.get("/routes/stock/entity", key=key)["record"]["key"] == key
    for path in (f"/routes/stock/entities/{quote(key, safe='')}", f"/routes/stock/entity?key={quote(key, safe='')}"):
        answer = server.call("admin", "GET", path)
        assert answer.json()["record"]["key"] == key
    for name in ("prefix", "text", "target_id", "error", "after"):
        assert server.call("admin", "GET", "/routes/stock/entities", params={name: key[:16]}).status_code == 200
    assert server.call("admin", "GET", f"/routes/{quote(key, safe='')}").status_code in (403, 404, 200)
    assert server.get("/routes/stock/entity", key="0001")["record"]["status"] == "delivered"


async def test_a_hostile_payload_is_json_and_nothing_else(server: Server) -> None:
    name = "</script><script>alert(1)</script>"
    await flow(server, "stock", "manual__1", [{**ORDERS[0], "customer": {"name": name, "email": name}}])
    stopped(server, "stock", {"0000": 0}, message=name)
    for path in ("/routes/stock/entities/0000", "/routes/stock/entities", "/errors"):
        answer = server.call("admin", "GET", path)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    assert server.get("/routes/stock/entities/0000")["payloads"]["target"]["Contact"]["Mail"] == name


async def test_errors_and_queue_are_of_routes_that_one_may_read(server: Server) -> None:
    await flow(server, "stock", "manual__1", ORDERS)
    await flow(server, "orders", "scheduled__1", ORDERS)
    stopped(server, "stock", {"0003": 3})
    stopped(server, "orders", {"0004": 4, "0005": 5})
    both = server.get("/errors")["groups"]
    assert [(group["route"], group["count"], group["example_key"]) for group in both] == [
        ("orders", 2, "0004"),
        ("stock", 1, "0003"),
    ]
    assert [group["route"] for group in server.get("/errors", "orders_only")["groups"]] == ["orders"]
    assert [line["route"] for line in server.get("/queue", "orders_only")["queue"]] == ["orders"]
    assert {line["route"] for line in server.get("/queue")["queue"]} == {"orders", "stock"}


def test_the_api_describes_itself(server: Server) -> None:
    document = server.get("/openapi.json", "vic")
    assert {"/overview", "/routes/{route}/entities"} <= set(document["paths"])
    referred = set(json.dumps(document).split('"#/components/schemas/')[1:])
    names = {text.partition('"')[0] for text in referred}
    assert names <= set(document["components"]["schemas"])
    for path in document["paths"].values():
        for endpoint in path.values():
            assert endpoint["summary"]
            assert endpoint["security"]


async def test_a_filtered_entity_says_which_step_left_it_out_and_what_it_read(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    view = server.get("/routes/orders/entities/0009")
    assert view["filtered"] == {
        "reason": {
            "step": 1,
            "kind": "filter",
            "text": 'order.status == "paid"',
            "values": {"order.status": "open"},
        },
        "kept": "7d",
    }
    assert view["payloads"]["source"]["number"] == "0009"
    assert view["payloads"]["source"]["customer"]["email"] == "***"
    assert (view["payloads"]["target"], view["can"]) == (None, ["fetch"])
    hidden = server.get("/routes/orders/entities/0009", user="no_payloads")
    assert (hidden["filtered"]["reason"], hidden["payloads"]) == (None, None)


async def test_a_closed_entity_is_fetched_again_by_who_may_start_runs(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    assert server.call("vic", "POST", "/routes/orders/fetch", json={"key": "0009"}).status_code == 403
    assert server.call("ann", "POST", "/routes/orders/fetch", json={"key": "nobody"}).status_code == 422
    answer = server.call("ann", "POST", "/routes/orders/fetch", json={"key": "0009"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["run_id"].startswith("fetch__")
    assert answer.json()["paused"] is True  # DAGs are, unless somebody switches them on
    assert [entry["event"] for entry in server.audit_log()][:1] == ["integrations_fetch"]


def test_a_route_that_never_was_is_not_found(server: Server) -> None:
    assert server.call("admin", "GET", "/routes/nowhere").status_code == 404
    assert server.call("admin", "GET", "/routes/never_ran").status_code == 200
    assert server.call("orders_only", "GET", "/routes/nowhere").status_code == 403


async def test_a_run_under_way_says_that_its_route_was_edited(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    began = server.get("/routes/orders/runs")["runs"][0]["books"]["definition"]

    def page(run_id: str) -> str:
        address = f"{server.components.url}/integrations/routes/orders/runs/{run_id}"
        return requests.get(address, cookies={"_token": server.token("ann")}, timeout=60).text

    with Ledger.open(server.ledger_url) as ledger:
        window, now = Window(EPOCH, datetime.now(UTC)), time.time()
        for run_id, hash_ in (("same", began), ("edited", "0" * 32)):
            asked: dict[str, Any] = {"kind": "manual", "window": window, "staging": "", "now": now}
            ref = begin_run(ledger, "orders", run_id, route_hash=hash_, **asked)
            remember_definition(ledger, ref, hash_, lambda: "route: orders\nowner: jane\n", now)
    told = "The run goes on with <a"
    assert [told in page(run_id) for run_id in ("scheduled__1", "same", "edited")] == [False, False, True]
    assert f"/routes/orders/versions/{'0' * 32}" in page("edited")
    assert f'versions/{began}">{began[:12]}</a>' in page("scheduled__1")


async def test_a_run_that_waits_says_for_what(server: Server) -> None:
    await flow(server, "orders", "scheduled__1", ORDERS)
    run_id = server.call("ann", "POST", "/routes/orders/fetch", json={"key": "0009"}).json()["run_id"]

    def page() -> str:
        address = f"{server.components.url}/integrations/routes/orders/runs/{run_id}"
        return requests.get(address, cookies={"_token": server.token("ann")}, timeout=60).text

    assert "It does not run yet: its DAG is paused" in page()
    with contextlib.closing(sqlite3.connect(server.components.home / "airflow.db", timeout=30)) as airflow, airflow:
        airflow.execute("UPDATE dag_run SET state = 'running' WHERE run_id = ?", [run_id])
        airflow.execute("UPDATE task_instance SET state = 'scheduled' WHERE run_id = ?", [run_id])
        airflow.execute("UPDATE slot_pool SET slots = 0 WHERE pool = 'default_pool'")
    try:
        assert "waits for a slot of the pool default_pool: all 0 are taken" in page()
    finally:
        with contextlib.closing(sqlite3.connect(server.components.home / "airflow.db", timeout=30)) as airflow, airflow:
            airflow.execute("UPDATE slot_pool SET slots = 128 WHERE pool = 'default_pool'")
            airflow.execute("DELETE FROM dag_run WHERE run_id = ?", [run_id])
