"""All routes at a glance, those first that need a person."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from fastapi import HTTPException

from airflow_integrations.airflow.web.views.airflow_dags import DagFacts, dag_facts, run_url, tagged
from airflow_integrations.airflow.web.views.definitions import Outline, outlines
from airflow_integrations.airflow.web.views.route_state import URGENCY, State, judge
from airflow_integrations.ledger.queries.overview import Latest, latest, queue
from airflow_integrations.ledger.queries.staged_bytes import known_routes
from airflow_integrations.ledger.queries.statistics import Period, series
from airflow_integrations.ledger.queries.views import QueueLine
from airflow_integrations.ledger.runs.leases import leases
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.route.definition import PRIORITIES

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["Overview", "RouteLine", "Totals", "error_rate", "must_exist", "overview", "readable_routes", "route_lines"]

STRETCHES = 24
"""Points of a sparkline."""


class RouteLine(msgspec.Struct, frozen=True, kw_only=True):
    """One route. Times are seconds since the epoch; ``counts`` and ``throughput`` are of the overview's period."""

    route: str
    state: State
    reason: str
    outline: Outline | None
    """None: neither Airflow nor the ledger has its definition."""
    dag_url: str | None
    """Airflow's page of its DAG. None: the DAG is gone."""
    paused: bool
    last_run_id: str | None
    last_run: float | None
    """When the newest run began."""
    last_success: float | None
    """When the newest run that went well closed its books."""
    next_run: float | None
    counts: dict[str, int]
    """The books of its runs: fetched, delivered, rejected, …"""
    runs: int
    error_rate: float | None
    """Share of rejected, failed and in doubt among what got a fate. None: nothing got one."""
    throughput: tuple[int, ...]
    """Delivered entities, in stretches of equal length, the oldest first."""
    open: dict[str, int]
    """What is not closed, by status."""
    leased: int
    oldest: float | None
    """Since when the oldest open entity has waited."""
    next_attempt: float | None
    circuit_until: float | None
    mark: str | None
    cursor: str | None

    def wrong(self) -> int:
        """Entities that wait for a person."""
        return sum(self.open.get(name, 0) for name in WRONG)


class Totals(msgspec.Struct, frozen=True):
    """All routes that the user may read together."""

    routes: int
    states: dict[str, int]
    counts: dict[str, int]
    open: dict[str, int]
    oldest: float | None


class Overview(msgspec.Struct, frozen=True):
    at: float
    since: float
    """Of the period that the counts are of."""
    totals: Totals
    routes: tuple[RouteLine, ...]
    """The most urgent first."""


def readable_routes(console: Console, who: Who) -> frozenset[str]:
    """All routes that the user may read: those that ran, and those that have a DAG."""
    return who.readable(set(known_routes(console.database)) | tagged())


def must_exist(console: Console, route: str) -> None:
    """Raises HTTPException 404 where neither the ledger nor Airflow ever knew a route of this name."""
    if route not in tagged() and route not in known_routes(console.database) and route not in dag_facts([route]):
        raise HTTPException(404, f"route {route} not found")


def overview(console: Console, who: Who, *, hours: float = 24.0) -> Overview:
    """What happened in the last ``hours``, and what is open now."""
    now = console.now()
    lines = sorted(route_lines(console, readable_routes(console, who), hours=hours, now=now).values(), key=_urgency)
    counts, opened = Counter[str](), Counter[str]()
    for line in lines:
        counts.update(line.counts)
        opened.update(line.open)
    totals = Totals(
        len(lines),
        dict(Counter(line.state for line in lines)),
        dict(counts),
        dict(opened),
        min((line.oldest for line in lines if line.oldest is not None), default=None),
    )
    return Overview(now, now - hours * 3600, totals, tuple(lines))


def route_lines(console: Console, routes: frozenset[str], *, hours: float, now: float) -> dict[str, RouteLine]:
    """By route. Whether the user may read them is the caller's matter."""
    database = console.database
    facts, told, ran = dag_facts(routes), outlines(console, routes), latest(database, routes)
    periods = series(database, routes, since=now - hours * 3600, until=now, stretches=STRETCHES)
    waiting = {line.route: line for line in queue(database, now, among=routes)}
    stuck = Counter(line.route for line in leases(database, routes, now) if line.stuck)
    return {
        route: _line(
            route, facts.get(route), told.get(route), ran.get(route), periods[route], waiting.get(route), stuck, now
        )
        for route in routes
    }


def _line(
    route: str,
    dag: DagFacts | None,
    told: Outline | None,
    ran: Latest | None,
    period: Period,
    waiting: QueueLine | None,
    stuck: Counter[str],
    now: float,
) -> RouteLine:
    judged, together = judge(dag, ran, waiting, stuck[route], now), period.all()
    newest = ran.run if ran else None
    return RouteLine(
        route=route,
        state=judged.state,
        reason=judged.reason,
        outline=told,
        dag_url=run_url(route) if dag is not None and not dag.stale else None,
        paused=bool(dag and dag.paused),
        last_run_id=newest.run_id if newest else None,
        last_run=newest.started if newest else None,
        last_success=ran.success if ran else None,
        next_run=dag.next_run if dag and not dag.paused else None,
        counts=together.counts,
        runs=together.runs,
        error_rate=error_rate(together.counts),
        throughput=tuple(each.counts.get("delivered", 0) for each in period.stretches),
        open={str(name): count for name, count in waiting.counts.items()} if waiting else {},
        leased=waiting.leased if waiting else 0,
        oldest=waiting.oldest if waiting else None,
        next_attempt=waiting.next_attempt if waiting else None,
        circuit_until=waiting.circuit_until if waiting else None,
        mark=waiting.mark if waiting else None,
        cursor=waiting.cursor if waiting else None,
    )


def error_rate(counts: dict[str, int]) -> float | None:
    """Of what the books say."""
    wrong = sum(counts.get(name, 0) for name in WRONG)
    fates = wrong + sum(counts.get(name, 0) for name in ("delivered", "unchanged", "superseded", "skipped", "waiting"))
    return round(wrong / fates, 4) if fates else None


def _urgency(line: RouteLine) -> tuple[int, int, int, str]:
    priority = line.outline.priority if line.outline else "normal"
    order = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return URGENCY[line.state], order, -line.wrong(), line.route
