"""Watches one stage of a run at work: its metrics go to Airflow's, its span stands within the task's.

What is counted is sent every few seconds and at the end, however the stage ends: a request costs a few additions, not
a packet. Where no tracer is configured there are no spans.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_integrations.airflow import metrics
from airflow_integrations.airflow.config import settings
from airflow_integrations.errors import PostponedError
from airflow_integrations.http.observer import Attempt, Observer, Why

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["StageWatch", "watched"]

SEND_SECONDS = 10.0
"""So often what was counted is sent while the stage goes on."""
LATENCIES = 100
"""Of the entities delivered between two sendings, so many are measured: a fair sample, however many there are."""
FIRST_SPANS = 20
"""So many of a stage's requests have a span each, then every SPARSE-th; and those that went wrong or were slow."""
SPARSE = 100
SLOW_SECONDS = 2.0
MOST_SPANS = 500
"""A stage of a million requests is not told in a million spans."""


@contextmanager
def watched(route: str, stage: str, run_id: str) -> Iterator[StageWatch]:
    """The stage's span, and its watch. What it counted is sent at the end.

    An error's text is not in the span: it may name an entity. Its class is.
    """
    from opentelemetry import trace

    attributes = {"integrations.route": route, "integrations.stage": stage, "integrations.run": run_id}
    tracer = trace.get_tracer("airflow_integrations")
    with tracer.start_as_current_span(
        f"integrations.{stage}", attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        watch = StageWatch(route, span)
        try:
            yield watch
        except PostponedError:
            raise
        except BaseException as error:
            span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            watch.send()


class StageWatch(Observer):
    """Of one stage of one run."""

    def __init__(self, route: str, span: Span) -> None:
        self._route = route
        self._span = span
        self._traced = span.is_recording()
        self._keys = self._traced and settings.trace_keys()
        self._spans = 0
        self._asked = 0
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._waits: dict[tuple[str, Why], float] = {}
        self._latencies: list[float] = []
        self._delivered = 0
        self._rng = random.Random()  # noqa: S311 - dice for a sample
        self._sent = time.monotonic()

    def attempted(self, attempt: Attempt) -> None:
        self._requests[attempt.connection, attempt.method, str(attempt.status or "none")] += 1
        if self._traced:
            self._asked += 1
            if self._worth_a_span(attempt):
                self._trace(attempt)
        self._send_now_and_then()

    def waited(self, connection: str, why: Why, seconds: float) -> None:
        self._waits[connection, why] = self._waits.get((connection, why), 0.0) + seconds
        self._send_now_and_then()

    def delivered(self, ages: Sequence[float]) -> None:
        for age in ages:  # a reservoir: every entity has the same chance to be in the sample
            self._delivered += 1
            if len(self._latencies) < LATENCIES:
                self._latencies.append(age)
            elif (place := self._rng.randrange(self._delivered)) < LATENCIES:
                self._latencies[place] = age
        self._send_now_and_then()

    def counted(self, stage: str, counts: Mapping[str, int]) -> None:
        """What a stage did, for the span: where one task does all of them, they are in that task's."""
        if self._traced:
            told = {f"integrations.{stage}.{name}": count for name, count in counts.items() if count}
            self._span.set_attributes(told)

    def send(self) -> None:
        """What was counted since the last time goes to Airflow's metrics."""
        for (connection, method, status), count in self._requests.items():
            metrics.count(
                metrics.HTTP_REQUESTS, count, route=self._route, connection=connection, method=method, status=status
            )
        for (connection, why), seconds in self._waits.items():
            metrics.count(
                metrics.HTTP_WAIT, round(seconds * 1000), route=self._route, connection=connection, reason=why
            )
        for age in self._latencies:
            metrics.timing(metrics.LATENCY, age, route=self._route)
        self._requests.clear()
        self._waits.clear()
        self._latencies.clear()
        self._delivered = 0
        self._sent = time.monotonic()

    def _send_now_and_then(self) -> None:
        if time.monotonic() - self._sent > SEND_SECONDS:
            self.send()

    def _worth_a_span(self, attempt: Attempt) -> bool:
        if self._spans >= MOST_SPANS:
            return False
        wrong = attempt.status is None or attempt.status >= 400 or attempt.seconds > SLOW_SECONDS
        return wrong or self._asked <= FIRST_SPANS or self._asked % SPARSE == 0

    def _trace(self, attempt: Attempt) -> None:
        """A span of the past: by then it is known whether it is worth one."""
        from opentelemetry import trace

        self._spans += 1
        attributes: dict[str, str | int] = {
            "http.request.method": attempt.method,
            "integrations.connection": attempt.connection,
        }
        if attempt.status is not None:
            attributes["http.response.status_code"] = attempt.status
        if self._keys:
            attributes["url.path"] = attempt.path
        span = trace.get_tracer("airflow_integrations").start_span(
            f"HTTP {attempt.method}",
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            start_time=int(attempt.began * 1e9),
        )
        if attempt.status is None or attempt.status >= 400:
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        span.end(int((attempt.began + attempt.seconds) * 1e9))
