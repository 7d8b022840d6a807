"""The page of a route's stored values, and who may change them: a real server."""

from __future__ import annotations

import json

import pytest
import requests
from web_scene import Server

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.store import NewValue, find_values, write_values

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]


@pytest.fixture
def stored(server: Server) -> Server:
    with Ledger.open(server.ledger_url) as ledger:
        for route in ("orders", "stock"):
            value = NewValue(f"{route}-1", json.dumps({"code": route}).encode())
            write_values(ledger, f"{route}_codes", [value], route=route, run_id="r", now=1_800_000_000.0)
    return server


def ask(server: Server, user: str, method: str, path: str, **data: str) -> requests.Response:
    url = f"{server.components.url}/integrations/routes/{path}"
    headers = {"Authorization": f"Bearer {server.token(user)}", "Origin": server.components.url}
    headers |= {"HX-Request": "true"} if method == "POST" else {}
    return requests.request(method, url, headers=headers, data=data or None, timeout=60)


def values(server: Server) -> dict[str, str]:
    with Ledger.open(server.ledger_url) as ledger:
        return {line.key: line.value for line in find_values(ledger, now=1_800_000_000.0).values}


def test_values_are_shown_searched_and_changed(stored: Server) -> None:
    page = ask(stored, "admin", "GET", "orders/store").text
    assert "orders-1" in page
    assert "stock-1" not in page
    assert "No value fits." in ask(stored, "admin", "GET", "orders/store?search=nothing").text
    asked = {"store": "orders_codes", "key": "orders-1", "value": '{"code": 7}'}
    assert ask(stored, "admin", "POST", "orders/store/put", **asked).status_code == 200
    assert values(stored)["orders-1"] == '{"code":7}'
    assert "has to be JSON" in ask(stored, "admin", "POST", "orders/store/put", **{**asked, "value": "{"}).text
    new = {"store": "orders_codes", "key": "orders-2", "value": "1"}
    assert ask(stored, "admin", "POST", "orders/store/put", **new).status_code == 200
    gone = {"store": "orders_codes", "key": "orders-1"}
    assert ask(stored, "admin", "POST", "orders/store/remove", **gone).status_code == 200
    assert set(values(stored)) == {"orders-2", "stock-1"}


def test_who_may_not_change_a_route_changes_nothing_of_it(stored: Server) -> None:
    theirs = {"store": "stock_codes", "key": "stock-1", "value": "1"}
    assert ask(stored, "orders_only", "GET", "stock/store").status_code == 403
    assert ask(stored, "orders_only", "POST", "stock/store/put", **theirs).status_code == 403
    assert ask(stored, "orders_only", "POST", "orders/store/put", **theirs).status_code == 403  # by way of their own
    new = {**theirs, "key": "stock-2"}
    assert "keeps nothing in a store stock_codes" in ask(stored, "orders_only", "POST", "orders/store/put", **new).text
    assert ask(stored, "orders_only", "POST", "orders/store/remove", **theirs).status_code == 403
    assert ask(stored, "vic", "POST", "orders/store/put", **{**theirs, "store": "orders_codes"}).status_code == 403
    assert values(stored) == {"orders-1": '{"code": "orders"}', "stock-1": '{"code": "stock"}'}
