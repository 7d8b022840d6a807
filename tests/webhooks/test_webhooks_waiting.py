"""A sender waits for the fate of its entities: a run takes the event, decides, and closes its books."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from webhook_server import Served

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run, finish_run
from airflow_integrations.window import EPOCH, Window

Serve = Callable[..., Served]
WAITS = "webhook: {path: open, verify: none, event_id: body.event, records: body.orders, wait: true}"


def begin(ledger: Ledger, run_id: str, route: str = "orders") -> RunRef:
    window = Window(EPOCH, datetime(2026, 1, 31, tzinfo=UTC))
    return begin_run(
        ledger, route, run_id, kind="manual", window=window, route_hash="abc", staging="staged", now=time.time()
    )


def take(served: Served, run: RunRef, keys: Sequence[str]) -> None:
    """What fetch does with what waits. Waits for it to come."""
    inbox, deadline = served.ledger.inbox, time.monotonic() + 20
    while not inbox.take(run, limit=10, max_bytes=10**6, lease_until=time.time() + 100, now=time.time()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    inbox.note_keys([(event.number, keys) for event in inbox.read(run) if event.wanted])


def decide(served: Served, run: RunRef, *outcomes: Outcome) -> None:
    conclude(served.ledger, run, list(outcomes), now=time.time())


def close(served: Served, run: RunRef, **counts: int) -> None:
    finish_run(
        served.ledger, run, counts=counts, seconds={}, verdict=None, bytes=0, covered=None, cursor=None, now=time.time()
    )


@pytest.fixture
def asked() -> Any:
    """``asked(served, body)`` posts in a thread and gives the future of the answer."""
    with ThreadPoolExecutor(20) as pool:
        yield lambda served, body, query="wait=20", **headers: pool.submit(
            requests.post, f"{served.url}open?{query}", json=body, headers=headers, timeout=60
        )


Asked = Callable[..., "Future[requests.Response]"]


def test_the_answer_comes_when_the_entities_have_their_fate(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    answer = asked(served, {"event": "e", "orders": [{"id": 1}, {"id": 2}]})
    run = begin(served.ledger, "first")
    take(served, run, ["1", "2"])
    decide(served, run, Outcome(key="1", status="delivered", hash="h", target_id="T-1"))
    time.sleep(0.2)
    assert not answer.done()
    decide(served, run, Outcome(key="2", status="unchanged"))
    assert (answer.result().status_code, answer.result().json()) == (
        200,
        {
            "event": "e",
            "entities": [
                {"route": "orders", "key": "1", "status": "delivered", "target_id": "T-1", "error": None},
                {"route": "orders", "key": "2", "status": "unchanged", "target_id": None, "error": None},
            ],
        },
    )
    assert served.events()[0]["wanted"]


def test_reasons_of_what_was_refused(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    answer = asked(served, {"event": "e", "orders": [{"id": 1}, {"no": "key"}]}, "", Prefer="respond-async, wait=20")
    run = begin(served.ledger, "first")
    take(served, run, ["1"])
    decide(
        served,
        run,
        Outcome(key="1", status="failed", reason="customer is blocked", http_status=422, error_class="refused"),
    )
    told = answer.result()
    assert told.status_code == 422
    assert [(entity["key"], entity["status"], entity["error"]) for entity in told.json()["entities"]] == [
        ("1", "failed", "customer is blocked"),
        (None, "rejected", "it has no key"),
    ]


def test_what_is_not_decided_in_time_can_be_looked_up(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    answer = asked(served, {"event": "e 1", "orders": [{"id": 1}]}, "wait=1").result()
    assert (answer.status_code, answer.json()) == (202, {"event": "e 1", "entities": []})
    assert answer.headers["Location"] == "/integrations/api/v1/routes/orders/events/e%201"


def test_what_goes_again_by_itself_is_still_open(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    answer = asked(served, {"event": "e", "orders": [{"id": 1}]})
    run = begin(served.ledger, "first")
    take(served, run, ["1"])
    decide(served, run, Outcome(key="1", status="retrying", hash="h", reason="503", error_class="outage", attempts=1))
    assert answer.result().status_code == 202
    assert answer.result().json()["entities"][0]["status"] == "retrying"


def test_the_fate_of_an_earlier_event_of_the_same_run_is_not_the_answer(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    run = begin(served.ledger, "resident")
    first = asked(served, {"event": "e", "orders": [{"id": 1}]})
    take(served, run, ["1"])
    decide(served, run, Outcome(key="1", status="delivered", hash="h1", target_id="T-1"))
    assert first.result().status_code == 200
    second = asked(served, {"event": "f", "orders": [{"id": 1}]})
    while len(served.events()) < 2:
        time.sleep(0.01)
    take(served, run, ["1"])
    time.sleep(0.2)
    assert not second.done()
    decide(served, run, Outcome(key="1", status="failed", reason="no", error_class="refused"))
    assert second.result().status_code == 422


def test_where_a_route_splits_the_books_of_the_run_tell(serve: Serve, asked: Asked) -> None:
    served = serve({"transform": [{"split": {"each": "order.lines"}}]}, orders=WAITS)
    answer = asked(served, {"event": "e", "orders": [{"id": 1}]})
    run = begin(served.ledger, "first")
    take(served, run, ["1"])
    decide(served, run, Outcome(key="1/1", status="delivered", hash="h"))
    time.sleep(0.2)
    assert not answer.done()
    close(served, run, fetched=1, split_added=1, delivered=2)
    assert answer.result().status_code == 200
    assert answer.result().json()["runs"] == [
        {"route": "orders", "run": "first", "counts": {"fetched": 1, "split_added": 1, "delivered": 2}}
    ]


def test_who_asks_again_waits_for_the_same_event(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    body = {"event": "e", "orders": [{"id": 1}]}
    assert asked(served, body, "").result().json() == {"event": "e", "entities": 1}
    answers = [asked(served, body) for _ in range(3)]
    while not served.events()[0]["wanted"]:
        time.sleep(0.01)
    run = begin(served.ledger, "first")
    take(served, run, ["1"])
    decide(served, run, Outcome(key="1", status="delivered", hash="h", target_id="T"))
    assert [answer.result().status_code for answer in answers] == [200] * 3
    close(served, run, fetched=1, delivered=1)
    later = asked(served, body).result()
    assert (later.status_code, later.json()["entities"][0]["target_id"]) == (200, "T")
    assert len(served.events()) == 1


def test_where_the_route_does_not_say_so_nobody_waits(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS.replace(", wait: true", ""))
    answer = asked(served, {"event": "e", "orders": [{"id": 1}]}).result()
    assert (answer.status_code, answer.json()) == (202, {"event": "e", "entities": 1})


def test_many_wait_at_once(serve: Serve, asked: Asked) -> None:
    served = serve(orders=WAITS)
    answers = [asked(served, {"event": f"e{at}", "orders": [{"id": at}]}) for at in range(20)]
    while len(served.events()) < 20:
        time.sleep(0.01)
    run = begin(served.ledger, "first")
    served.ledger.inbox.take(run, limit=100, max_bytes=10**6, lease_until=time.time() + 100, now=time.time())
    events = {event["id"]: event["event_id"] for event in served.events()}
    served.ledger.inbox.note_keys([(number, [name.removeprefix("e")]) for number, name in events.items()])
    for at in range(20):
        decide(served, run, Outcome(key=str(at), status="delivered", hash="h", target_id=f"T-{at}"))
    told = [answer.result().json() for answer in answers]
    assert [entity["target_id"] for one in told for entity in one["entities"]] == [f"T-{at}" for at in range(20)]
