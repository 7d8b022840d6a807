from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow_tasks import task_of
from statsd_listener import Listener, listening

from airflow_integrations.airflow import build_dag, metrics
from airflow_integrations.airflow.operators.telemetry import LATENCIES, watched
from airflow_integrations.http.observer import Attempt


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening(monkeypatch) as listener:
        yield listener


class Shop(BaseHTTPRequestHandler):
    """Gives three orders, a page each, and refuses the second one."""

    def do_GET(self) -> None:
        event = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
        self._answer(200, [{"number": number, "status": "paid", "changed": event} for number in (1, 2, 3)])

    def do_POST(self) -> None:
        number = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["number"]
        self._answer(422 if number == 2 else 201, {"id": number})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    Thread(target=server.serve_forever, daemon=True).start()
    connection = {
        "conn_type": "http",
        "host": f"http://127.0.0.1:{server.server_port}",
        "extra": {"integrations": {"requests_per_second": 4}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(connection))
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(make_route: Callable[..., Any], make_context: Callable[..., Any]) -> Callable[..., Any]:
    def run() -> None:
        route = make_route(
            entity={"name": "order", "key": "order.number", "version": "order.changed"},
            incoming={"http": {"connection": "shop", "path": "/orders", "records": "body"}},
            outgoing={"http": {"connection": "shop", "method": "POST", "path": "/orders"}},
            tasks={"retries": 0, "together": 0},
        )
        dag = build_dag(route)
        now = datetime.now(UTC)
        window = {"window_start": (now - timedelta(hours=1)).isoformat(), "window_end": now.isoformat()}
        context = make_context(dag, conf=window, run_after=now)
        for stage in ("fetch", "transform", "push"):
            task_of(dag, stage).execute(context)
        with pytest.raises(AirflowFailException, match="1 failed"):
            task_of(dag, "settle").execute(context)

    return run


def test_a_run_tells_what_it_did(shop: None, run: Callable[..., Any], statsd: Listener) -> None:
    run()
    assert {sent.tag("route") for sent in statsd.heard()} == {"orders"}
    entities = {(sent.tag("stage"), sent.tag("outcome")): sent.value for sent in statsd.named("integrations.entities")}
    assert entities == {
        ("fetch", "fetched"): 3,
        ("push", "delivered"): 2,
        ("push", "failed"): 1,
        ("settle", "fetched"): 3,
        ("settle", "delivered"): 2,
        ("settle", "failed"): 1,
    }
    requests = {(s.tag("method"), s.tag("status")): s.value for s in statsd.named("integrations.http.requests")}
    assert requests == {("GET", "200"): 1, ("POST", "201"): 2, ("POST", "422"): 1}
    assert [sent.tag("outcome") for sent in statsd.named("integrations.runs")] == ["failed"]
    assert {s.tag("stage") for s in statsd.named("integrations.stage.duration")} == {"fetch", "transform", "push"}
    (waited,) = statsd.named("integrations.http.wait_ms")
    assert waited.tag("reason") == "pace"
    assert 500 <= waited.value < 10_000
    latencies = statsd.named("integrations.latency")
    assert len(latencies) == 2
    assert all(90_000 <= sent.value < 200_000 for sent in latencies)


def test_each_value_has_the_tags_of_its_metric(shop: None, run: Callable[..., Any], statsd: Listener) -> None:
    run()
    known = {metric.name: metric for metric in metrics.METRICS}
    letters = {"counter": "c", "gauge": "g", "timer": "ms"}
    for sent in statsd.heard():
        metric = known[sent.name]
        assert tuple(name for name, _ in sent.tags) == metric.tags
        assert sent.kind == letters[metric.kind]


def test_a_tag_is_one_that_statsd_takes(statsd: Listener) -> None:
    hostile = "a,b=c:1|c\nd" + "é" * 300
    metrics.count(metrics.RUNS, 1, route=hostile, outcome="success")
    (sent,) = statsd.named("integrations.runs")
    assert sent.tag("route") == ("a_b_c_1_c_d" + "_" * 300)[: metrics.MAX_TAG]


def test_a_metric_takes_no_other_tags_than_its_own() -> None:
    with pytest.raises(AssertionError, match=r"integrations\.runs has the tags route, outcome"):
        metrics.count(metrics.RUNS, 1, route="orders", key="SO-1")


def test_of_many_deliveries_a_sample_is_sent(statsd: Listener) -> None:
    with watched("orders", "push", "r") as watch:
        for age in range(10_000):
            watch.delivered([float(age)])
    sample = [sent.value / 1000 for sent in statsd.named("integrations.latency")]
    assert len(sample) == LATENCIES
    assert 3000 < sum(sample) / len(sample) < 7000


def test_a_stage_that_fails_has_told_of_its_requests(statsd: Listener) -> None:
    def stage() -> None:
        with watched("orders", "push", "r") as watch:
            watch.attempted(Attempt("shop", "POST", "/orders/1", None, 0.0, 1.0))
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        stage()
    (sent,) = statsd.named("integrations.http.requests")
    assert sent.tag("status") == "none"


def test_a_long_stage_tells_while_it_goes_on(statsd: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_integrations.airflow.operators.telemetry.SEND_SECONDS", -1.0)
    with watched("orders", "push", "r") as watch:
        for _ in range(3):
            watch.attempted(Attempt("shop", "POST", "/orders/1", 200, 0.0, 1.0))
        assert [sent.value for sent in statsd.named("integrations.http.requests")] == [1, 1, 1]
