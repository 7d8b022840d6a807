"""Entities handed in through the API: who may, what is stored, and which run is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from sqlalchemy import select
from web_scene import Server

from airflow_integrations.ledger.storage import tables

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]

PATH = "/routes/orders/entities"
BODY = b'[{"number": "1", "total": 12345678901234567.10}]'


def events(server: Server) -> list[Any]:
    with server.database() as database, database.read() as connection:
        return list(connection.execute(select(tables.event).order_by(tables.event.c.id)).mappings())


def hand_in(server: Server, body: bytes = BODY, user: str = "ann", **headers: str) -> requests.Response:
    return server.call(user, "POST", PATH, data=body, headers=headers)


def test_every_digit_is_stored_once(server: Server) -> None:
    answer = hand_in(server, BODY, "ann", **{"Idempotency-Key": "a/b c"})
    assert (answer.status_code, answer.json()) == (202, {"event": "a/b c", "entities": 1}), answer.text
    assert hand_in(server, BODY, "ann", **{"Idempotency-Key": "a/b c"}).status_code == 200
    assert hand_in(server, b'{"entities": ' + BODY + b"}").status_code == 202
    first, second = events(server)
    assert (first["source"], first["event_id"], first["body"]) == (
        "api",
        "a/b c",
        b'[{"number":"1","total":12345678901234567.10}]',
    )
    assert second["body"] == first["body"]
    entry = next(entry for entry in server.audit_log() if entry["event"] == "integrations_hand_in")
    assert (entry["owner"], entry["dag_id"], json.loads(entry["extra"])["entities"]) == ("ann", "orders", 1)


def test_who_waits_too_short_is_told_where_to_look(server: Server) -> None:
    path = "/routes/stock/entities"  # of which no other test has events: the server knows the numbers of routes
    answer = server.call("ann", "POST", path, data=BODY, headers={"Idempotency-Key": "a/b"}, params={"wait": "0.5"})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == "/integrations/api/v1/routes/stock/events/a%2Fb"
    later = server.call("vic", "GET", "/routes/stock/events/a%2Fb")
    assert (later.status_code, later.json()) == (202, {"event": "a/b", "entities": []})
    assert server.call("vic", "GET", "/routes/stock/events/nothing").status_code == 404
    assert server.call(None, "GET", "/routes/stock/events/a%2Fb").status_code == 401
    assert server.call("orders_only", "GET", "/routes/stock/events/a%2Fb").status_code == 403


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("vic", 403)])
def test_who_may_not_start_runs_hands_in_nothing(server: Server, user: str | None, status: int) -> None:
    assert server.call(user, "POST", PATH, data=BODY).status_code == status
    assert server.call("orders_only", "POST", "/routes/stock/entities", data=BODY).status_code == 403
    assert server.by_cookie("ann", "POST", PATH, {"Origin": "https://evil.example"}, data=BODY).status_code == 403
    assert events(server) == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"", {}, 400, "ends in the middle"),
        (b"{}", {}, 400, "a JSON list"),
        (b'"x"', {}, 400, "a JSON list"),
        (b'[{"a": "\\ud83d"}]', {}, 400, "half of a surrogate pair"),
        (BODY, {"Idempotency-Key": "x" * 251}, 400, "251 characters"),
        (b"[" + b" " * 9_000_000 + b"]", {}, 413, "bytes"),
        (b"[" + b"{}," * 100_000 + b"{}]", {}, 400, "100,001 records"),
        (b"[" + b"{}," * 2_600_000 + b"{}]", {}, 400, "over 500,000 objects and lists"),
    ],
)
def test_what_cannot_be_taken_is_told(
    server: Server, body: bytes, headers: dict[str, str], status: int, told: str
) -> None:
    answer = hand_in(server, body, **headers)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert events(server) == []


def test_a_route_without_a_file_is_told(server: Server) -> None:
    answer = server.call("admin", "POST", "/routes/gone/entities", data=BODY)
    assert (answer.status_code, "has no route gone" in answer.text) == (404, True), answer.text


def test_the_endpoints_are_in_the_document(server: Server) -> None:
    paths = server.get("/openapi.json")["paths"]
    assert "post" in paths["/routes/{route}/entities"]
    assert "get" in paths["/routes/{route}/events/{event_id}"]
