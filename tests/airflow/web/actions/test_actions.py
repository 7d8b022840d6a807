"""What users do through the API, who may, and what is remembered of it: a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import insert, select
from web_scene import ORDERS, Server, flow, stopped

from airflow_integrations.ledger.progress import Progress, StepDone
from airflow_integrations.ledger.storage import tables

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]

ACTS: list[tuple[str, str, Any]] = [
    ("POST", "/routes/{route}/retry", {"keys": ["0003"]}),
    ("POST", "/routes/{route}/skip", {"keys": ["0003"], "reason": "a test"}),
    ("POST", "/routes/{route}/confirm", {"keys": ["0003"]}),
    ("POST", "/routes/{route}/release", {"run_id": "scheduled__1"}),
    ("PUT", "/routes/{route}/entities/0003", {"Number": "0003"}),
    ("PUT", "/routes/{route}/entity?key=0003", {"Number": "0003"}),
]


@pytest.fixture
async def failed(server: Server) -> Server:
    """Orders of the route ``orders``, of which four have failed."""
    await flow(server, "orders", "scheduled__1", ORDERS)
    stopped(server, "orders", {f"{number:04}": number for number in (3, 4, 5, 6)})
    return server


def statuses(server: Server, route: str = "orders") -> dict[str, str]:
    entity, named = tables.entity.c, tables.route.c
    with server.database() as database, database.read() as connection:
        query = select(entity.key, entity.status).join(tables.route, named.id == entity.route_id)
        return {row.key: row.status for row in connection.execute(query.where(named.name == route))}


def actions(server: Server) -> list[Any]:
    with server.database() as database, database.read() as connection:
        return list(connection.execute(select(tables.action).order_by(tables.action.c.id)))


def ended(server: Server, job: int) -> dict[str, Any]:
    end = time.monotonic() + 30
    while (found := server.get(f"/jobs/{job}"))["state"] not in ("done", "failed"):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return dict(found)


@pytest.mark.parametrize(("method", "path", "body"), ACTS, ids=[path for _, path, _ in ACTS])
def test_who_may_act(failed: Server, method: str, path: str, body: Any) -> None:
    before = statuses(failed)
    for user, route, expected in (
        (None, "orders", 401),
        ("vic", "orders", 403),
        ("orders_only", "stock", 403),
        ("orders_only", "nowhere", 403),
    ):
        assert failed.call(user, method, path.format(route=route), json=body).status_code == expected
    assert statuses(failed) == before
    assert actions(failed) == []


@pytest.mark.parametrize(("method", "path", "body"), ACTS, ids=[path for _, path, _ in ACTS])
def test_another_site_cannot_make_a_browser_act(failed: Server, method: str, path: str, body: Any) -> None:
    before, path = statuses(failed), path.format(route="orders")
    foreign: list[dict[str, str]] = [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": failed.components.url},
        {"Sec-Fetch-Site": "same-site"},
        {"Authorization": "Basic eDp5", "Origin": "https://evil.example"},
    ]
    for headers in foreign:
        answer = failed.by_cookie("admin", method, path, headers, json=body)
        assert (answer.status_code, "Sec-Fetch-Site" in answer.text) == (403, True), headers
    # A form can send JSON as text without a preflight.
    form = {"Content-Type": "text/plain", "Origin": "https://evil.example"}
    assert failed.by_cookie("admin", method, path, form, data=json.dumps(body)).status_code == 403
    assert statuses(failed) == before
    assert actions(failed) == []


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "HERE"}])
def test_a_page_of_this_server_may_act_with_the_cookie(failed: Server, headers: dict[str, str]) -> None:
    told = {name: failed.components.url if value == "HERE" else value for name, value in headers.items()}
    answer = failed.by_cookie("ann", "POST", "/routes/orders/retry", told, json={"keys": ["0003"]})
    assert (answer.status_code, answer.json()["entities"]) == (200, 1)
    assert statuses(failed)["0003"] == "retrying"


def test_an_action_is_told_to_the_ledger_and_to_airflows_audit_log(failed: Server) -> None:
    answer = failed.call("ann", "POST", "/routes/orders/skip", json={"keys": ["0003", "0000"], "reason": "a test"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["entities"], answer.json()["job"]) == (1, None)
    assert answer.json()["left"] == [
        "1 is delivered: this is possible for failed, in_doubt, rejected, retrying, waiting"
    ]
    assert statuses(failed)["0003"] == "skipped"
    (action,) = actions(failed)
    assert (action.by, action.what, action.entities, action.detail) == ("console:ann", "skip", 1, "a test")
    entry = failed.audit_log()[0]
    assert (entry["event"], entry["owner"], entry["dag_id"]) == ("integrations_skip", "ann", "orders")
    assert json.loads(entry["extra"]) == {"selection": '{"keys":["0000","0003"]}', "entities": 1}


def test_an_action_on_many_is_a_job(failed: Server) -> None:
    answer = failed.call("ann", "POST", "/routes/orders/retry", json={"statuses": ["failed"]})
    assert (answer.status_code, answer.json()["entities"]) == (202, 4)
    job = ended(failed, answer.json()["job"])
    assert (job["state"], job["total"], job["done"], job["by"], job["left"]) == ("done", 4, 4, "console:ann", [])
    assert [key for key, status in statuses(failed).items() if status == "retrying"] == ["0003", "0004", "0005", "0006"]
    assert [each["id"] for each in failed.get("/jobs")] == [job["id"]]
    assert failed.get("/jobs", "orders_only", route="orders")[0]["id"] == job["id"]
    assert failed.call("orders_only", "GET", "/jobs?route=stock").status_code == 403
    assert failed.call("admin", "GET", "/jobs/999999").status_code == 404
    assert json.loads(failed.audit_log()[0]["extra"])["job"] == job["id"]


def test_an_action_on_hundreds_of_keys_is_told_in_short(failed: Server) -> None:
    keys = ["0003", *(f"no such order {number}" for number in range(500))]
    assert failed.call("ann", "POST", "/routes/orders/retry", json={"keys": keys}).json()["entities"] == 1
    told = json.loads(failed.audit_log()[0]["extra"])
    assert told["entities"] == 1
    assert told["selection"].startswith('{"keys":["0003",')
    assert len(told["selection"]) < 1100


def test_an_interrupted_job_goes_on_when_somebody_looks(failed: Server) -> None:
    from airflow_integrations.ledger.actions import bulk_jobs
    from airflow_integrations.ledger.actions.selection import Selection

    selection = Selection("orders", statuses=frozenset({"failed"}))
    with failed.database() as database:
        # As a server leaves it that was killed: leased, and nobody there.
        number = bulk_jobs.ask(database, selection, "retry", {}, "console:ann", time.time() - 100)
        bulk_jobs.take(database, time.time() - 100)
    assert failed.get(f"/jobs/{number}")["state"] == "interrupted"
    assert ended(failed, number)["done"] == 4


@pytest.mark.parametrize(
    ("path", "body", "expected", "told"),
    [
        ("retry", {}, 422, "say which entities"),
        ("retry", {"keys": []}, 422, "say which entities"),
        ("retry", {"keys": ["nobody"]}, 422, "the ledger has none with this key"),
        ("retry", {"keys": ["0000"]}, 422, "delivered"),
        ("retry", {"keys": ["x"] * 10_001}, 422, "10000"),
        ("retry", {"statuses": ["nonsense"]}, 422, "nonsense"),
        ("retry", {"status": "failed"}, 422, "Extra inputs"),
        ("skip", {"keys": ["0003"]}, 422, "reason"),
        ("skip", {"keys": ["0003"], "reason": " "}, 422, "say why"),
        ("confirm", {"keys": ["0003"]}, 422, "this is possible for in_doubt, waiting"),
        ("confirm", {"keys": ["0003", "0004"], "target_id": "T"}, 422, "belongs to one entity"),
        ("release", {"run_id": "nothing"}, 422, "does not know a run"),
        ("release", {"run_id": "scheduled__1"}, 422, "holds no lease"),
    ],
)
def test_what_cannot_be_done_is_told(failed: Server, path: str, body: Any, expected: int, told: str) -> None:
    answer = failed.call("admin", "POST", f"/routes/orders/{path}", json=body)
    assert (answer.status_code, told in answer.text) == (expected, True), answer.text
    assert actions(failed) == []


def test_marking_as_delivered(failed: Server) -> None:
    stopped(failed, "orders", {"0007": 7}, status="in_doubt")
    body = {"keys": ["0007"], "target_id": "T-7", "reason": "it is there"}
    assert failed.call("ann", "POST", "/routes/orders/confirm", json=body).json()["entities"] == 1
    record = failed.get("/routes/orders/entities/0007")["record"]
    assert (record["status"], record["target_id"]) == ("delivered", "T-7")


def test_a_confirmed_step_is_sent_once_more_and_shown_to_those_who_may_see_payloads(failed: Server) -> None:
    done = [StepDone(step, "42", "erp: POST /a", 201, 1.0, "{}") for step in ("party", "sale")]
    with failed.database() as database, database.write() as connection:
        route_id = connection.scalar(select(tables.route.c.id).where(tables.route.c.name == "orders"))
        values = {"route_id": route_id, "key": "0003", "hash": "ab" * 16, "steps": Progress(done).dump()}
        connection.execute(insert(tables.progress).values(**values))
    steps = failed.get("/routes/orders/entities/0003")["record"]["steps"]
    assert [(step["step"], step["result"]) for step in steps] == [("party", "42"), ("sale", "42")]
    refused = failed.call("ann", "POST", "/routes/orders/retry", json={"keys": ["0003"], "from_step": "x"})
    assert (refused.status_code, "confirmed are party, sale" in refused.text) == (422, True)
    body = {"keys": ["0003"], "from_step": "sale"}
    assert failed.call("ann", "POST", "/routes/orders/retry", json=body).json()["entities"] == 1
    assert [step["step"] for step in failed.get("/routes/orders/entities/0003")["record"]["steps"]] == ["party"]


def test_an_edit_keeps_what_is_masked_and_every_digit(failed: Server) -> None:
    seen = failed.get("/routes/orders/entities/0003")["payloads"]["target"]
    assert seen == {"Number": "0003", "Contact": {"Mail": "***"}}
    body = '{"Number": "0003-B", "Contact": {"Mail": "***"}, "Total": 12345678901234567.10}'
    assert failed.call("ann", "PUT", "/routes/orders/entities/0003", data=body).status_code == 204
    with failed.database() as database, database.read() as connection:
        (kept,) = connection.scalars(select(tables.overlay.c.payload))
    assert kept == '{"Number":"0003-B","Contact":{"Mail":"buyer3@example.com"},"Total":12345678901234567.10}'
    view = failed.get("/routes/orders/entities/0003")
    assert view["payloads"]["edited"]["Contact"] == {"Mail": "***"}
    assert view["payloads"]["edited_by"] == "console:ann"
    assert json.loads(failed.audit_log()[0]["extra"]) == {"key": "0003", "characters": len(kept)}
    assert "buyer3" not in json.dumps(failed.audit_log())
    again = '{"Number": "0003-C", "Contact": {"Mail": "***"}}'
    assert failed.call("ann", "PUT", "/routes/orders/entity?key=0003", data=again).status_code == 204


@pytest.mark.parametrize(
    ("body", "expected", "told"),
    [
        ("[1]", 422, "one JSON object"),
        ("{", 422, "invalid JSON at line 1"),
        (b"\xff\xfe", 422, "UTF-8"),
        ('{"Elsewhere": "***"}', 422, "stands for what the route's mask hides"),
        ('{"x": "' + "a" * 1024 * 1024 + '"}', 413, "bytes"),
    ],
)
def test_what_cannot_be_kept_as_a_payload(failed: Server, body: Any, expected: int, told: str) -> None:
    answer = failed.call("ann", "PUT", "/routes/orders/entities/0003", data=body)
    assert (answer.status_code, told in answer.text) == (expected, True), answer.text


def test_who_may_not_see_payloads_may_not_edit_them(failed: Server) -> None:
    assert failed.call("no_payloads", "PUT", "/routes/orders/entities/0003", data="{}").status_code == 403
    assert failed.call("no_payloads", "POST", "/routes/orders/retry", json={"keys": ["0003"]}).status_code == 200


def test_no_body_is_read_without_an_end(failed: Server) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b" " * 65536

    url = f"{failed.api}/routes/orders/retry"
    headers = {"Authorization": f"Bearer {failed.token('admin')}", "Content-Type": "application/json"}
    answer = requests.post(url, data=endless(), headers=headers, timeout=60)
    assert answer.status_code == 413
    answer = requests.post(url, data=b" " * 9_000_000, headers=headers, timeout=60)
    assert answer.status_code == 413


def test_retry_and_send_starts_a_run_of_the_route(failed: Server) -> None:
    answer = failed.call("ann", "POST", "/routes/orders/retry", json={"keys": ["0003"], "send": True}).json()
    assert (answer["entities"], answer["not_sent"]) == (1, None)
    run = requests.get(
        f"{failed.components.url}/api/v2/dags/orders/dagRuns/{answer['run_id']}",
        headers={"Authorization": f"Bearer {failed.token('admin')}"},
        timeout=60,
    ).json()
    assert (run["state"], run["conf"], run["triggering_user_name"]) == ("queued", {"retry": "due"}, "ann")
    assert [entry["event"] for entry in failed.audit_log()[:2]] == ["integrations_send", "integrations_retry"]


def test_retry_and_send_of_many_starts_a_run_when_the_job_is_done(failed: Server) -> None:
    answer = failed.call("ann", "POST", "/routes/orders/retry", json={"error": "f" * 16, "send": True}).json()
    job = ended(failed, answer["job"])
    url = f"{failed.components.url}/api/v2/dags/orders/dagRuns/retry__job_{job['id']}"
    headers = {"Authorization": f"Bearer {failed.token('admin')}"}
    end = time.monotonic() + 30
    while (found := requests.get(url, headers=headers, timeout=60)).status_code == 404:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert (found.json()["conf"], found.json()["triggering_user_name"]) == ({"retry": "due"}, "ann")


async def test_retry_of_a_route_without_a_dag_says_that_nothing_was_sent(server: Server) -> None:
    from sqlalchemy import update

    await flow(server, "stock", "manual__1", ORDERS)
    stopped(server, "stock", {"0003": 3})
    with server.database() as database, database.write() as connection:
        connection.execute(update(tables.route).values(name="forgotten"))
    answer = server.call("admin", "POST", "/routes/forgotten/retry", json={"keys": ["0003"], "send": True}).json()
    assert (answer["entities"], answer["run_id"]) == (1, None)
    assert "there is no DAG forgotten" in answer["not_sent"]


def test_giving_back_what_a_dead_run_has_under_way(failed: Server) -> None:
    from sqlalchemy import insert

    from airflow_integrations.ledger.storage.key_set import pack

    with failed.database() as database, database.write() as connection:
        route_id, run = connection.execute(select(tables.run.c.route_id, tables.run.c.id)).one()
        claim = {"first": 0, "count": 2, "lease_until": time.time() + 300, "keys": pack(["0003", "0004"])}
        connection.execute(insert(tables.claim).values(route_id=route_id, run=run, **claim))
    (lease,) = failed.get("/queue")["leases"]
    assert (lease["run_id"], lease["entities"], lease["stuck"]) == ("scheduled__1", 2, False)
    assert failed.get("/routes/orders/entities/0003")["can"] == []
    answer = failed.call("ann", "POST", "/routes/orders/release", json={"run_id": "scheduled__1"})
    assert answer.json()["entities"] == 2
    (lease,) = failed.get("/queue")["leases"]
    assert lease["stuck"] is True
    assert actions(failed)[0].what == "release"
    assert failed.audit_log()[0]["event"] == "integrations_release"
