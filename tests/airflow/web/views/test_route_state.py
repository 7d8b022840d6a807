"""How a route is doing, in one word."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_integrations.airflow.web.views.airflow_dags import DagFacts
from airflow_integrations.airflow.web.views.route_state import judge
from airflow_integrations.ledger.queries.overview import Latest
from airflow_integrations.ledger.queries.views import QueueLine, RunBooks

NOW = 1_790_000_000.0


def dag(**facts: Any) -> DagFacts:
    known = {"paused": False, "stale": False, "import_errors": False, "next_run": NOW + 60, "description": None}
    return DagFacts(**{**known, **facts})


def ran(verdict: str | None = None) -> Latest:
    books = RunBooks(
        id=1,
        run_id="r",
        kind="scheduled",
        window=("a", "b"),
        started=NOW - 9,
        finished=NOW - 5,
        counts={},
        seconds={},
        verdict=verdict,
        bytes=0,
    )
    return Latest(books, books, None if verdict else NOW - 5)


def waits(counts: dict[Any, int] | None = None, **facts: Any) -> QueueLine:
    known = {"leased": 0, "oldest": None, "next_attempt": None, "circuit_until": None, "mark": None, "cursor": None}
    return QueueLine(route="orders", counts=counts or {}, **{**known, **facts})


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        ((dag(), ran(), waits(), 0), "healthy", ""),
        ((dag(), None, None, 0), "healthy", "not run yet"),
        ((dag(next_run=None), ran(), waits({"retrying": 3}, next_attempt=NOW + 60), 0), "healthy", ""),
        ((None, ran(), waits({"retrying": 1}), 0), "gone", "no DAG"),
        ((None, ran(), waits(), 0), "removed", "nothing of it is open"),
        ((None, ran(), None, 0), "removed", "nothing of it is open"),
        ((None, ran(), waits(events=1), 0), "gone", "no DAG"),
        ((None, ran(), waits(leased=1), 0), "gone", "no DAG"),
        ((None, ran(), None, 1), "gone", "no DAG"),
        ((dag(stale=True), ran(), waits({"failed": 1}), 0), "gone", "no DAG"),
        ((dag(stale=True, import_errors=True), ran(), waits(), 0), "failing", "import errors"),
        ((dag(paused=True), ran("3 failed"), waits({"failed": 3}), 1), "failing", "DAG is paused"),
        ((dag(paused=True), ran(), waits({"retrying": 3}), 1), "paused", "paused"),
        ((dag(), ran("3 failed of 5 entities"), waits(), 0), "failing", "3 failed of 5"),
        ((dag(), ran(), waits({"failed": 2, "in_doubt": 1, "retrying": 9}), 0), "failing", "2 failed, 1 in doubt"),
        ((dag(), ran(), waits(), 2), "stuck", "2 runs died"),
        (
            (dag(), ran(), waits({"retrying": 1}, circuit_until=NOW + 60), 0),
            "stuck",
            "a system that a lookup asks, is away",
        ),
        ((dag(), ran(), waits(circuit_until=NOW + 60), 0), "healthy", ""),
        ((dag(), ran(), waits({"retrying": 1}, next_attempt=NOW - 3600), 0), "stuck", "maintenance DAG"),
        ((dag(next_run=NOW - 3600), ran(), waits(), 0), "late", "scheduler"),
        ((dag(next_run=NOW - 60), ran(), waits(), 0), "healthy", ""),
    ],
)
def test_what_a_route_is_called(facts: tuple[Any, Any, Any, int], state: str, reason: str) -> None:
    judged = judge(*facts, NOW)
    assert (judged.state, reason in judged.reason) == (state, True), judged


def test_a_paused_route_that_fails_is_failing_first() -> None:
    queue = QueueLine(
        route="r",
        counts={"failed": 5_000},
        leased=0,
        oldest=NOW - 60,
        next_attempt=None,
        circuit_until=None,
        mark=None,
        cursor=None,
    )
    judged = judge(dag(paused=True), ran(), queue, 0, NOW)
    assert judged == ("failing", "5,000 failed: needs attention (its DAG is paused)")
    assert judge(dag(paused=True), ran("no answer"), None, 0, NOW).state == "failing"
    assert judge(dag(paused=True), ran(), None, 0, NOW).state == "paused"
