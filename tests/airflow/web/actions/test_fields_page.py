"""The page of a route's fields, and who may accept what differs: a real server."""

from __future__ import annotations

import pytest
import requests
from web_scene import Server

from airflow_integrations.ledger.contract import change_learned, learned_of
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route.contracts.learned import Learned, drifts, learn_from
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.contracts.seen import Seen

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]


@pytest.fixture
def learned(server: Server) -> Server:
    with Ledger.open(server.ledger_url) as ledger:
        for number, record in enumerate(({"total": 1}, {"total": "1", "<vat>": 1})):
            known = learned_of(ledger, "orders") or Learned()
            seen = Seen(known)
            seen.look(record)
            seen.counted()

            def change(learned: Learned, seen: Seen = seen, run: str = f"r{number}") -> Learned:
                return learn_from(learned, seen, ContractOptions(learn=1), run_id=run, began=0, now=1_800_000_000.0)

            change_learned(ledger, "orders", change, 1.0)
    return server


def ask(server: Server, user: str, method: str, path: str, **data: str) -> requests.Response:
    url = f"{server.components.url}/integrations/routes/{path}"
    headers = {"Authorization": f"Bearer {server.token(user)}", "Origin": server.components.url}
    headers |= {"HX-Request": "true"} if method == "POST" else {}
    return requests.request(method, url, headers=headers, data=data or None, timeout=60)


def left(server: Server) -> list[str] | None:
    with Ledger.open(server.ledger_url) as ledger:
        learned = learned_of(ledger, "orders")
        return None if learned is None else [drift.path for drift in drifts(learned)]


def test_what_differs_is_shown_and_accepted(learned: Server) -> None:
    assert "Fields: 2 changed" in ask(learned, "admin", "GET", "orders").text
    page = ask(learned, "admin", "GET", "orders/fields").text
    assert "another type" in page
    assert "&lt;vat&gt;" in page
    assert ask(learned, "vic", "POST", "orders/fields/accept").status_code == 403
    assert ask(learned, "orders_only", "GET", "stock/fields").status_code == 403
    assert "1 field accepted" in ask(learned, "admin", "POST", "orders/fields/accept", field="total").text
    assert left(learned) == ["<vat>"]
    assert ask(learned, "admin", "POST", "orders/fields/accept").status_code == 200
    assert left(learned) == []
    assert ask(learned, "vic", "POST", "orders/fields/forget").status_code == 403
    assert ask(learned, "admin", "POST", "orders/fields/forget").status_code == 200
    assert left(learned) is None
    assert "Nothing was learned yet." in ask(learned, "admin", "GET", "orders/fields").text
