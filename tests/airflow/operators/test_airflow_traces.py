from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from airflow_integrations.airflow.operators import telemetry
from airflow_integrations.airflow.operators.telemetry import FIRST_SPANS, MOST_SPANS, SPARSE, watched
from airflow_integrations.http.observer import Attempt


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """A tracer as Airflow configures one, with the spans kept instead of sent."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", lambda name: provider.get_tracer(name))
    yield exporter
    provider.shutdown()


def ask(watch: Any, count: int, status: int | None = 200, seconds: float = 0.1) -> None:
    for number in range(count):
        watch.attempted(Attempt("shop", "POST", f"/orders/SO-{number}", status, 1_800_000_000.0, seconds))


def test_a_stage_is_a_span_with_its_requests_below(spans: InMemorySpanExporter) -> None:
    with watched("orders", "push", "run-1") as watch:
        ask(watch, 1)
        watch.counted("push", {"delivered": 1, "failed": 0})
    request, stage = spans.get_finished_spans()
    assert stage.name == "integrations.push"
    assert dict(stage.attributes or {}) == {
        "integrations.route": "orders",
        "integrations.stage": "push",
        "integrations.run": "run-1",
        "integrations.push.delivered": 1,
    }
    assert request.name == "HTTP POST"
    assert request.parent is not None
    assert request.parent.span_id == stage.context.span_id
    assert request.end_time - request.start_time == 100_000_000  # type: ignore[operator]
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "integrations.connection": "shop",
    }


def test_keys_are_in_spans_only_where_asked_for(spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    def stage() -> None:
        with watched("orders", "push", "r") as watch:
            ask(watch, 1)
            raise ValueError("order SO-7 is odd")

    with pytest.raises(ValueError, match="SO-7"):
        stage()
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "SO-" not in told
    assert "ValueError" in told
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__TRACE_KEYS", "True")
    with watched("orders", "push", "r") as watch:
        ask(watch, 1)
    assert spans.get_finished_spans()[-2].attributes["url.path"] == "/orders/SO-0"  # type: ignore[index]


def test_of_many_requests_some_have_a_span_and_all_that_went_wrong(spans: InMemorySpanExporter) -> None:
    with watched("orders", "push", "r") as watch:
        ask(watch, 1000)
        ask(watch, 3, status=503)
        ask(watch, 2, status=None)
        ask(watch, 1, seconds=5.0)
    assert len(spans.get_finished_spans()) == 1 + FIRST_SPANS + 1000 // SPARSE + 6
    spans.clear()
    with watched("orders", "push", "r") as watch:
        ask(watch, 2 * MOST_SPANS, status=500)
    assert len(spans.get_finished_spans()) == 1 + MOST_SPANS


def test_without_a_tracer_there_are_no_spans_and_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_spans(*_: Any) -> None:
        raise AssertionError("a span without a tracer")

    monkeypatch.setattr(telemetry.StageWatch, "_trace", no_spans)
    monkeypatch.setattr(telemetry.StageWatch, "_worth_a_span", no_spans)
    with watched("orders", "push", "r") as watch:
        ask(watch, 10, status=500)
