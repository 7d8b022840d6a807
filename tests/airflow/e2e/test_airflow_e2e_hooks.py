"""A webhook from the request to the target and back to the sender, in a real Airflow."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from e2e_scene import HOOK_SECRET, LEASED_SECONDS, PATIENCE, Airflow, Systems

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]


def orders(*numbers: str, total: str = "10.50") -> bytes:
    each = ", ".join(f'{{"number": "{number}", "total": {total}}}' for number in numbers)
    return f'{{"orders": [{each}]}}'.encode()


def signature(body: bytes) -> str:
    """As docs/events/webhooks.md computes it."""
    command = ["openssl", "dgst", "-sha256", "-hmac", HOOK_SECRET, "-hex"]
    told = subprocess.run(command, input=body, capture_output=True, check=True).stdout.decode()
    return "sha256=" + told.split()[-1]


def send(
    airflow: Airflow, event_id: str, body: bytes, query: str = "?wait=50", path: str = "orders", **headers: str
) -> requests.Response:
    url = f"{airflow.components.url}/integrations/hooks/e2e/{path}{query}"
    sent = {
        "Content-Type": "application/json",
        "X-GitHub-Delivery": event_id,
        "X-Hub-Signature-256": signature(body),
        **headers,
    }
    until = time.monotonic() + 300
    while True:  # who has waited in vain may ask again with the same event
        answer = requests.post(url, data=body, headers=sent, timeout=PATIENCE)
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
    taken = airflow.session.post(f"{api}/entities", data=body, headers=headers, timeout=PATIENCE)
    assert (taken.status_code, taken.json()) == (202, {"event": "batch/1", "entities": 2})
    assert airflow.session.post(f"{api}/entities", data=body, headers=headers, timeout=PATIENCE).status_code == 200

    def later() -> Any:
        found = airflow.session.get(f"{api}/events/batch%2F1", timeout=PATIENCE)
        assert found.status_code in (200, 202), found.text
        return found.json() if found.status_code == 200 else None

    told = airflow.wait("the fate of batch/1", later)
    assert told["runs"][0]["counts"]["delivered"] == 2
    assert received(systems, "a-") == ["a-1", "a-2"]


def test_an_event_does_not_wait_for_a_run_that_fetches(airflow: Airflow, systems: Systems) -> None:
    """Nor does it overtake, or double, what that run sends of the same order."""
    systems.control("beside", keeps="2")  # an hour's sixty orders, which begin with their year: two are under way
    for dag in ("beside", "beside__events"):
        airflow.call("PATCH", f"/dags/{dag}", {"is_paused": False})
    airflow.wait("the scheduled run sends", lambda: systems.state("beside")["begun"] == 2)
    (scheduled,) = airflow.runs("beside", "scheduled")

    def is_under_way() -> bool:
        return bool(airflow.call("GET", f"/dags/beside/dagRuns/{scheduled['dag_run_id']}")["state"] == "running")

    def arrives(order: str, count: int = 1) -> None:
        """Wait until the target has it this often."""
        airflow.wait(order, lambda: systems.state("beside")["received"].count(order) >= count)

    assert send(airflow, "b-1", orders("fresh"), query="", path="beside").status_code == 202
    arrives("fresh")
    assert is_under_way()
    hour = int(datetime.fromisoformat(scheduled["data_interval_start"]).timestamp())
    last = f"{datetime.fromtimestamp(hour + 59 * 60, UTC):%Y%m%dT%H%M}"
    assert send(airflow, "b-2", orders(last, total="99.9"), query="", path="beside").status_code == 202
    airflow.wait("b-2 is taken", lambda: len(airflow.runs("beside__events")) == 2)
    airflow.ended("beside__events", airflow.runs("beside__events")[-1]["dag_run_id"])
    put_off = time.monotonic()
    assert is_under_way()
    assert set(systems.state("beside")["received"]) == {"fresh"}
    systems.control("beside", keeps="")
    airflow.ended("beside", scheduled["dag_run_id"])
    time.sleep(max(0.0, LEASED_SECONDS + 1 - (time.monotonic() - put_off)))
    assert send(airflow, "b-3", orders("behind"), query="", path="beside").status_code == 202
    arrives(last, 2)
    arrives("behind")  # the target takes two at a time, in no order between keys
    totals = [float(total) for order, total in systems.state("beside")["totals"] if order == last]
    assert totals == [10.5, 99.9]
    counts = Counter(systems.state("beside")["received"])
    minutes = {f"{datetime.fromtimestamp(hour + minute * 60, UTC):%Y%m%dT%H%M}" for minute in range(60)}
    assert counts == {**dict.fromkeys(minutes | {"fresh", "behind"}, 1), last: 2}
    for run in airflow.runs("beside__events"):
        airflow.ended("beside__events", run["dag_run_id"])
    airflow.call("PATCH", "/dags/beside", {"is_paused": True})


def test_no_secret_is_in_any_log(airflow: Airflow) -> None:
    assert send(airflow, "e-4", orders("l-1")).status_code == 200
    assert send(airflow, "e-5", orders("l-1"), **{"X-Hub-Signature-256": "sha256=00"}).status_code == 401
    logs = [path.read_text(errors="replace") for path in Path(airflow.components.home, "logs").rglob("*.log")]
    assert logs
    assert any("webhook e2e/orders: refused" in log for log in logs)
    assert not any(HOOK_SECRET in log for log in logs)
