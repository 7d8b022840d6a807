"""The metrics of this package, in Airflow's own: StatsD, or OpenTelemetry where it is configured.

Each has a bounded number of series: a tag is a route, a Connection, or a name from a list of this package, never a key
and never a text that another system sent. docs/operations/metrics.md lists them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

__all__ = [
    "ALERTS_FIRING",
    "CIRCUIT_OPEN",
    "ENTITIES",
    "HTTP_REQUESTS",
    "HTTP_WAIT",
    "INBOX_DEPTH",
    "INBOX_OLDEST_AGE",
    "LATENCY",
    "METRICS",
    "NOTIFICATIONS",
    "QUEUE_DEPTH",
    "QUEUE_OLDEST_AGE",
    "RUNS",
    "SOURCE_BYTES",
    "SOURCE_ROWS",
    "STAGE_DURATION",
    "Metric",
    "count",
    "gauge",
    "timing",
]

MAX_TAG = 100
"""Characters of a tag's value: Airflow drops a StatsD name, tags included, of more than 250."""
_ODD = re.compile(r"[^A-Za-z0-9_.\-]")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name without Airflow's prefix, and the tags that every value of it has."""

    name: str
    kind: Literal["counter", "gauge", "timer"]
    tags: tuple[str, ...]


ENTITIES = Metric("integrations.entities", "counter", ("route", "stage", "outcome"))
RUNS = Metric("integrations.runs", "counter", ("route", "outcome"))
STAGE_DURATION = Metric("integrations.stage.duration", "timer", ("route", "stage"))
LATENCY = Metric("integrations.latency", "timer", ("route",))
HTTP_REQUESTS = Metric("integrations.http.requests", "counter", ("route", "connection", "method", "status"))
HTTP_WAIT = Metric("integrations.http.wait_ms", "counter", ("route", "connection", "reason"))
QUEUE_DEPTH = Metric("integrations.queue.depth", "gauge", ("route", "status"))
QUEUE_OLDEST_AGE = Metric("integrations.queue.oldest_age", "gauge", ("route",))
INBOX_DEPTH = Metric("integrations.inbox.depth", "gauge", ("route",))
SOURCE_ROWS = Metric("integrations.source.rows", "gauge", ("route",))
SOURCE_BYTES = Metric("integrations.source.bytes", "gauge", ("route",))
INBOX_OLDEST_AGE = Metric("integrations.inbox.oldest_age", "gauge", ("route",))
CIRCUIT_OPEN = Metric("integrations.circuit.open", "gauge", ("route",))
ALERTS_FIRING = Metric("integrations.alerts.firing", "gauge", ("route", "alert"))
NOTIFICATIONS = Metric("integrations.notifications", "counter", ("target", "outcome"))

METRICS = (
    ENTITIES,
    RUNS,
    STAGE_DURATION,
    LATENCY,
    HTTP_REQUESTS,
    HTTP_WAIT,
    QUEUE_DEPTH,
    QUEUE_OLDEST_AGE,
    INBOX_DEPTH,
    INBOX_OLDEST_AGE,
    SOURCE_ROWS,
    SOURCE_BYTES,
    CIRCUIT_OPEN,
    ALERTS_FIRING,
    NOTIFICATIONS,
)


def count(metric: Metric, by: int, **tags: str) -> None:
    """Add to a counter. Nothing is sent for nothing."""
    from airflow.sdk.observability import stats

    if by:
        stats.incr(metric.name, count=by, tags=_tags(metric, tags))


def gauge(metric: Metric, value: float, **tags: str) -> None:
    """Set a gauge."""
    from airflow.sdk.observability import stats

    stats.gauge(metric.name, value, tags=_tags(metric, tags))


def timing(metric: Metric, seconds: float, **tags: str) -> None:
    """Tell one duration."""
    from airflow.sdk.observability import stats

    stats.timing(metric.name, timedelta(seconds=seconds), tags=_tags(metric, tags))


def _tags(metric: Metric, tags: dict[str, str]) -> dict[str, str]:
    """In the order that the metric has them. Airflow drops values with other characters than these."""
    assert tags.keys() == set(metric.tags), f"{metric.name} has the tags {', '.join(metric.tags)}"
    return {name: _ODD.sub("_", tags[name])[:MAX_TAG] for name in metric.tags}
