"""A webhook from the request to the target and back to the sender, in a real Airflow."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e_scene import HOOK_SECRET, Airflow, Systems

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]


def orders(*numbers: str, total: str = "10.50") -> bytes:
    each = ", ".join(f'{{"number": "{number}", "total": {total}}}' for number in numbers)
    return f'{{"orders": [{each}]}}'.encode()


def signature(body: bytes) -> str:
    """As docs/webhooks.md computes it."""
    command = ["openssl", "dgst", "-sha256", "-hmac", HOOK_SECRET, "-hex"]
    told = subprocess.run(command, input=body, capture_output=True, check=True).stdout.decode()
    return "sha256=" + told.split()[-1]


def send(airflow: Airflow, event_id: str, body: bytes, query: str = "?wait=50", **headers: str) -> requests.Response:
    url = f"{airflow.components.url}/integrations/hooks/e2e/orders{query}"
    sent = {
        "Content-Type": "application/json",
        "X-GitHub-Delivery": event_id,
        "X-Hub-Signature-256": signature(body),
        **headers,
    }
    until = time.monotonic() + 300
    while True:  # who has waited in vain may ask again with the same event
        answer = requests.post(url, data=body, headers=sent, timeout=90)
        if answer.status_code != 202 or "wait" not in query or time.monotonic() > until:
            return answer


def statuses(answer: requests.Response) -> list[tuple[Any, ...]]:
    return [(entity["key"], entity["status"], entity["error"]) for entity in answer.json()["entities"]]


def received(systems: Systems, prefix: str) -> list[str]:
    return sorted(number for number in systems.state("hooked")["received"] if number.startswith(prefix))


def test_the_sender_learns_what_became_of_its_orders(airflow: Airflow, systems: Systems) -> None:
    systems.control("hooked", refuse=["h-bad"])
    answer = send(airflow, "e-1", orders("h-1", "h-2"))
    assert (answer.status_code, statuses(answer)) == (
        200,
        [("h-1", "delivered", None), ("h-2", "delivered", None)],
    ), answer.text
    answer = send(airflow, "e-2", orders("h-3", "h-bad"))
    assert answer.status_code == 422, answer.text
    told = {key: (status, error) for key, status, error in statuses(answer)}
    assert told["h-3"] == ("delivered", None)
    assert told["h-bad"][0] == "failed"
    assert "has no customer" in told["h-bad"][1]
    again = send(airflow, "e-1", orders("h-1", "h-2"))
    assert (again.status_code, [status for _, status, _ in statuses(again)]) == (200, ["delivered", "delivered"])
    assert received(systems, "h-") == ["h-1", "h-2", "h-3"]
    assert send(airflow, "e-3", orders("h-4"), **{"X-Hub-Signature-256": "sha256=" + "0" * 64}).status_code == 401


def test_a_program_hands_in_entities_and_looks_later(airflow: Airflow, systems: Systems) -> None:
    api = f"{airflow.components.url}/integrations/api/v1/routes/hooked"
    body = json.dumps([{"number": "a-1", "total": 1}, {"number": "a-2", "total": 2}])
    headers = {"Idempotency-Key": "batch/1"}
    taken = airflow.session.post(f"{api}/entities", data=body, headers=headers, timeout=60)
    assert (taken.status_code, taken.json()) == (202, {"event": "batch/1", "entities": 2})
    assert airflow.session.post(f"{api}/entities", data=body, headers=headers, timeout=60).status_code == 200

    def later() -> Any:
        found = airflow.session.get(f"{api}/events/batch%2F1", timeout=60)
        assert found.status_code in (200, 202), found.text
        return found.json() if found.status_code == 200 else None

    told = airflow.wait("the fate of batch/1", later)
    assert told["runs"][0]["counts"]["delivered"] == 2
    assert received(systems, "a-") == ["a-1", "a-2"]


def test_no_secret_is_in_any_log(airflow: Airflow) -> None:
    assert send(airflow, "e-4", orders("l-1")).status_code == 200
    assert send(airflow, "e-5", orders("l-1"), **{"X-Hub-Signature-256": "sha256=00"}).status_code == 401
    logs = [path.read_text(errors="replace") for path in Path(airflow.components.home, "logs").rglob("*.log")]
    assert logs
    assert any("webhook e2e/orders: refused" in log for log in logs)
    assert not any(HOOK_SECRET in log for log in logs)
