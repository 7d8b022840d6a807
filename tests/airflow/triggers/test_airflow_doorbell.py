"""The doorbell on a real inbox: one ring for what waits, whoever rings how often, and none is lost."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from airflow_integrations.airflow.triggers.doorbell import FIRST_PAUSE, Doorbell, ring_name
from airflow_integrations.airflow.triggers.trigger_dag import Rung
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.runs import begin_run, finish_run, note_outage
from airflow_integrations.route.definition import Route
from airflow_integrations.window import EPOCH, Window


class Airflow:
    """Takes runs as Airflow does: an id once."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, str]] = []
        self.tries = 0
        self.away = 0
        self.refused: set[str] = set()
        self.heard = threading.Condition()

    def trigger(self, route: Route, run_id: str, conf: Mapping[str, Any]) -> Rung:
        assert conf == {"events": True}
        dag_id = route.route
        json.dumps(dict(conf))
        with self.heard:
            self.tries += 1
            if self.away:
                self.away -= 1
                self.heard.notify_all()
                raise OutageError("the database is locked")
            if dag_id in self.refused:
                raise SetupError(f"there is no DAG {dag_id}")
            there = (dag_id, run_id) in self.runs
            if not there:
                self.runs.append((dag_id, run_id))
            self.heard.notify_all()
            return "there" if there else "rung"

    def wait(self, count: int, seconds: float = 20.0) -> list[tuple[str, str]]:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.runs) >= count, seconds), self.runs
            return list(self.runs)


def route(name: str, **more: Any) -> Route:
    definition = {"route": name, "entity": {"key": "entity.id"}, "outgoing": {"none": {}}, "trigger": {}}
    return Route.load(definition | more)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.temporary() as made:
        yield made


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def hang(ledger: Ledger, airflow: Airflow) -> Iterator[Callable[..., Doorbell]]:
    """Doorbells of one ledger and one Airflow, for these routes."""
    hung: list[Doorbell] = []

    def hang(*routes: Route, **more: Any) -> Doorbell:
        named = {each.route: each for each in routes}
        hung.append(Doorbell(ledger.inbox, lambda: named, airflow.trigger, **more))
        return hung[-1]

    yield hang
    for doorbell in hung:
        doorbell.close()


def put(ledger: Ledger, name: str, route: str = "orders", now: float | None = None) -> int:
    event = NewEvent(route=route, event_id=name, body=b"[{}]", source="webhook")
    return ledger.inbox.put([event], time.time() if now is None else now)[0].number


def run_takes(ledger: Ledger, run_id: str, limit: int = 100) -> None:
    run = begin_run(
        ledger, "orders", run_id, kind="event", window=Window(EPOCH, EPOCH), route_hash="h", staging="", now=time.time()
    )
    ledger.inbox.take(run, limit=limit, max_bytes=10**9, lease_until=time.time() + 60, now=time.time())
    finish_run(ledger, run, counts={}, seconds={}, verdict=None, bytes=0, covered=None, cursor=None, now=time.time())


def test_one_ring_is_enough_until_the_first_event_is_taken(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    bells = [hang(route("orders")) for _ in range(3)]  # as three API servers have them
    first = put(ledger, "a")
    for number in range(20):
        put(ledger, f"more-{number}")
        bells[number % 3].ring({"orders"})
    assert airflow.wait(1) == [("orders", ring_name(first))]
    run_takes(ledger, "run-1")
    second = put(ledger, "b")
    bells[0].ring({"orders"})
    assert airflow.wait(2) == [("orders", ring_name(first)), ("orders", ring_name(second))]


def test_what_a_run_left_is_rung_for_without_anybody_ringing(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    bell = hang(route("orders"))
    put(ledger, "a")
    left = put(ledger, "b")
    bell.ring({"orders"})
    airflow.wait(1)
    run_takes(ledger, "run-1", limit=1)
    assert airflow.wait(2)[-1] == ("orders", ring_name(left))


def test_a_ring_that_airflow_does_not_take_is_tried_again(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    airflow.away = 3
    first = put(ledger, "a")
    hang(route("orders")).ring({"orders"})
    assert airflow.wait(1) == [("orders", ring_name(first))]
    assert airflow.tries == 4


def test_a_failing_ring_is_not_hurried_by_new_events(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    airflow.away = 1000
    bell = hang(route("orders"))
    begun = time.monotonic()
    for number in range(40):
        put(ledger, str(number))
        bell.ring({"orders"})
        time.sleep(0.01)
    with airflow.heard:
        assert airflow.heard.wait_for(lambda: airflow.tries, 20)
        tries = airflow.tries
    pauses = (time.monotonic() - begun) / FIRST_PAUSE  # of 1, 2, 4 … times the first
    assert tries <= 1 + int(math.log2(pauses + 1))


def test_a_burst_is_one_run(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    clock = [time.time()]
    bell = hang(route("orders", trigger={"debounce": "0.5s"}), route("stock"), now=lambda: clock[0])
    first = put(ledger, "a", now=clock[0])
    for number in range(8):
        clock[0] += 0.2
        put(ledger, f"more-{number}", now=clock[0])
        bell.ring({"orders"})
    put(ledger, "s", route="stock", now=clock[0])
    bell.ring({"orders", "stock"})
    assert [dag for dag, _ in airflow.wait(1)] == ["stock"]  # the burst is not over
    clock[0] += 0.6
    bell.ring({"stock"})
    assert airflow.wait(2)[-1] == ("orders", ring_name(first))


def test_a_burst_without_end_is_rung_for_all_the_same(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    bell = hang(route("orders", trigger={"debounce": "0.1s"}))
    until = time.monotonic() + 10
    number = 0
    while not airflow.runs:
        assert time.monotonic() < until
        put(ledger, str(number := number + 1))
        bell.ring({"orders"})
        time.sleep(0.02)


def test_critical_is_rung_for_first(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    names = {"a_low": "low", "b_normal": "normal", "c_high": "high", "d_critical": "critical"}
    for name in names:
        put(ledger, name, route=name)
    hang(*(route(name, priority=priority) for name, priority in names.items())).ring(names)
    assert [dag for dag, _ in airflow.wait(4)] == list(names)[::-1]


def test_a_route_without_a_file_is_left_alone(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    put(ledger, "a", route="gone")
    put(ledger, "a")
    hang(route("orders")).ring({"gone", "orders"})
    assert [dag for dag, _ in airflow.wait(1)] == ["orders"]


@pytest.mark.parametrize("look_seconds", [0.1, 0.0], ids=["between looks", "with a look"])
def test_a_route_that_listens_is_rung_for_when_somebody_rings(
    ledger: Ledger, airflow: Airflow, hang: Any, monkeypatch: pytest.MonkeyPatch, look_seconds: float
) -> None:
    monkeypatch.setattr("airflow_integrations.airflow.triggers.doorbell.LOOK_SECONDS", look_seconds)
    listens = {"listen": {"redis": {"connection": "x", "stream": "orders"}}}
    bell = hang(route("orders"), route("heard", trigger=listens))
    put(ledger, "a", "heard")
    first = put(ledger, "b")
    bell.ring({"orders"})
    assert airflow.wait(1) == [("orders", ring_name(first))]
    time.sleep(0.5)  # it looks by itself, and leaves this one to the listener
    assert len(airflow.runs) == 1
    bell.ring({"heard"})  # as for an entity that came by the API
    assert airflow.wait(2)[1][0] == "heard"


def test_a_fetch_of_another_route_is_rung_for_once(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    behind = {"a_broken": 1, "prices": 3, "unknown": 1}
    airflow.refused.add("a_broken")
    hang(route("a_broken"), route("prices"), fetched=lambda now: behind).ring(())
    assert airflow.wait(1) == [("prices", "fetched__3")]  # one that cannot be rung for is in nobody's way
    behind["prices"] = 4
    assert airflow.wait(2)[-1] == ("prices", "fetched__4")
    airflow.refused.clear()
    assert ("a_broken", "fetched__1") in airflow.wait(3)


def test_a_route_that_was_woken_is_rung_for_once_unless_its_consumer_hears(
    ledger: Ledger, airflow: Airflow, hang: Any
) -> None:
    behind, woken = {"prices": 3}, {"orders": 1, "prices": 1, "served": 1}
    hang(
        *map(route, ("orders", "prices", "served")),
        fetched=lambda now: behind,
        woken=lambda now: woken,
        served=lambda now: {"served"},
    ).ring(())
    expected = {("prices", "fetched__3"), ("orders", "woken__1"), ("prices", "woken__1")}
    assert set(airflow.wait(3)) == expected
    woken["orders"] = 2
    assert airflow.wait(4)[-1] == ("orders", "woken__2")
    assert airflow.tries == 4


def test_nobody_rings_for_a_route_whose_circuit_is_open(ledger: Ledger, airflow: Airflow, hang: Any) -> None:
    """Each run would meet the outage again; what waits is rung for when it is worth a try."""
    put(ledger, "a")
    other = put(ledger, "b", "prices")
    now = time.time()
    run = begin_run(
        ledger, "orders", "r", kind="event", window=Window(EPOCH, EPOCH), route_hash="h", staging="", now=now
    )
    note_outage(ledger, run.route_id, until=now + 3600)
    later = [0.0]
    bell = hang(route("orders"), route("prices"), now=lambda: time.time() + later[0])
    bell.ring({"orders", "prices"})
    assert airflow.wait(1) == [("prices", ring_name(other))]
    later[0] = 3601.0
    bell.ring({"orders"})
    assert {dag for dag, _ in airflow.wait(2)} == {"orders", "prices"}
