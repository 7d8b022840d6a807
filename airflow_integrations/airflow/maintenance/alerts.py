"""Looks how the routes fare, and tells: gauges to Airflow's metrics, alerts to whom the routes name."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_integrations.airflow import metrics
from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.dag.timetable import interval_end
from airflow_integrations.airflow.links import console_link, run_link
from airflow_integrations.airflow.maintenance.notifiers import send
from airflow_integrations.airflow.maintenance.served_routes import ServedRoutes
from airflow_integrations.airflow.maintenance.source_backlogs import source_backlogs
from airflow_integrations.airflow.maintenance.wake import Dags
from airflow_integrations.alerting import lifecycle
from airflow_integrations.alerting.conditions import Finding, Outlook, find
from airflow_integrations.alerting.messages import Item, Message, message, reason
from airflow_integrations.engine.masked_reasons import masked_group
from airflow_integrations.errors import IntegrationError
from airflow_integrations.ledger import alerts as known
from airflow_integrations.ledger.alerts import AlertState
from airflow_integrations.ledger.contract import learned_of
from airflow_integrations.ledger.queries.health import OPEN_STATUSES, Depth, RunHealth, depths, run_health
from airflow_integrations.ledger.queries.overview import error_groups
from airflow_integrations.masking.mask import Mask
from airflow_integrations.plurals import counted
from airflow_integrations.route.alerts import Kind, Target
from airflow_integrations.route.connections import asked_by_delivery
from airflow_integrations.route.contracts.learned import Drift
from airflow_integrations.route.contracts.learned import drifts as drifts_of
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import RouteFiles

if TYPE_CHECKING:
    from airflow_integrations.ledger.alerts import AlertId
    from airflow_integrations.ledger.storage.database import Database
    from airflow_integrations.listen.backlog import Backlog

__all__ = ["evaluate_alerts"]

log = logging.getLogger("airflow_integrations")

BUDGET_SECONDS = 60.0
"""All messages of one look together take no longer; the others are sent with the next one."""
LOOK_BACK = 600.0
"""A run that failed so shortly before its route's alerts are looked at for the first time is told, too: a new route's
first run may end before the maintenance sees the route."""
REASONS = 3
"""Kinds of errors that a message tells of a route."""
_WITH_REASONS: frozenset[Kind] = frozenset({"failure", "error_rate", "queue_older_than"})

Send = Callable[[Target, Message], None]


def evaluate_alerts(routes: Path, dags: Dags, now: float, *, send: Send = send) -> None:
    """Look at all routes in the folder ``routes`` and at all that the ledger knows.

    A message that cannot be sent is logged and sent the next time; nothing is raised for it.
    Raises SetupError and OutageError as the ledger does.
    """
    with open_ledger() as ledger:
        open_now = {depth.route: depth for depth in depths(ledger, now)}
        _gauge(open_now.values(), now)
        served = ServedRoutes.beside(routes)
        found = served.all()
        waiting = source_backlogs(found)
        _Evaluation(ledger, served, dags, now, open_now, waiting).work(send, found)


def _gauge(open_now: Iterable[Depth], now: float) -> None:
    for depth in open_now:
        for status in OPEN_STATUSES:
            metrics.gauge(metrics.QUEUE_DEPTH, depth.counts[status], route=depth.route, status=status)
        metrics.gauge(metrics.QUEUE_OLDEST_AGE, _age(depth.oldest, now), route=depth.route)
        metrics.gauge(metrics.INBOX_DEPTH, depth.events, route=depth.route)
        metrics.gauge(metrics.INBOX_OLDEST_AGE, _age(depth.oldest_event, now), route=depth.route)
        metrics.gauge(metrics.CIRCUIT_OPEN, int(depth.circuit_until is not None), route=depth.route)


def _age(moment: float | None, now: float) -> float:
    return 0.0 if moment is None else round(max(0.0, now - moment), 1)


@dataclass(frozen=True, slots=True)
class _Alert:
    """One alert as it is now."""

    state: AlertState
    finding: Finding | None
    repeat: float


class _Evaluation:
    """One look at the alerts of all routes."""

    def __init__(
        self,
        database: Database,
        served: ServedRoutes,
        dags: Dags,
        now: float,
        open_now: Mapping[str, Depth],
        waiting: Mapping[str, Backlog],
    ) -> None:
        self._database = database
        self._served = served
        self._dags = dags
        self._now = now
        self._open = open_now
        self._waiting = waiting
        self._alerts: dict[AlertId, _Alert] = {}
        self._targets: dict[str, Target] = {}
        self._masks: dict[str, Mask] = {}
        """As the routes mask now: messages go to other systems, where nobody takes them back."""

    def work(self, send: Send, found: RouteFiles) -> None:
        before = known.read(self._database)
        for loaded in found.routes.values():
            if loaded.route.alerts is not None:
                self._look_at(loaded.route, before)
        known.write(
            self._database,
            {alert: now.state for alert, now in self._alerts.items() if now.state != before.get(alert)},
        )
        gone = [alert for alert in before if alert not in self._alerts and not self._may_come_back(alert, found)]
        known.forget(self._database, gone)
        for (route, kind), alert in self._alerts.items():
            metrics.gauge(metrics.ALERTS_FIRING, int(alert.state.since is not None), route=route, alert=kind)
        for route, kind in gone:
            metrics.gauge(metrics.ALERTS_FIRING, 0, route=route, alert=kind)
        self._send_all(send)

    def _may_come_back(self, alert: AlertId, found: RouteFiles) -> bool:
        """A file that is broken, or a folder that is not there, says nothing about what was asked for in it."""
        return alert[0] not in found.routes and (found.may_hold(alert[0]) or not self._served.usable)

    def _look_at(self, route: Route, before: Mapping[AlertId, AlertState]) -> None:
        alerts = route.alerts
        assert alerts is not None
        targets = {target.name: target for target in alerts.notify}
        self._targets |= targets
        self._masks[route.route] = Mask(route.mask, entity=route.entity.name)
        rate = alerts.error_rate
        seen = before.get((route.route, "failure"), self._fresh("failure")).seen
        since = self._now - rate.over.total_seconds() if rate is not None else None
        health = run_health(self._database, route.route, seen=seen, since=since)
        paused: list[bool] = []
        learned = learned_of(self._database, route.route) if route.contract and alerts.contract else None
        drifts = tuple(drifts_of(learned)) if learned else ()
        for kind in alerts.wanted():
            if kind == "contract" and route.contract is None:
                continue
            state = before.get((route.route, kind), self._fresh(kind))
            finding = find(kind, alerts, self._outlook(route, health, state, drifts))
            if finding is not None and not finding.while_paused:
                if not paused:
                    paused.append(self._paused(route.route))
                if paused[0]:  # what was not expected was not missed: it counts from when the route is on again
                    finding, state = None, replace(state, watched=self._now)
            state = lifecycle.step(state, finding.detail if finding else None, targets, self._now)
            if kind == "failure" and health.newest is not None:
                state = replace(state, seen=max(state.seen, health.newest.finished))
            self._alerts[route.route, kind] = _Alert(state, finding, alerts.repeat.total_seconds())

    def _fresh(self, kind: Kind) -> AlertState:
        begin = self._now - LOOK_BACK if kind == "failure" else self._now
        return AlertState(watched=begin, seen=begin)

    def _outlook(self, route: Route, health: RunHealth, state: AlertState, drifts: tuple[Drift, ...]) -> Outlook:
        depth = self._open.get(route.route)
        asked = asked_by_delivery(route)
        waiting = self._waiting.get(route.route)
        return Outlook(health, depth, route.schedule, interval_end, state.watched, self._now, waiting, drifts, asked)

    def _paused(self, route: str) -> bool:
        """Also where Airflow does not know its DAG: it cannot run then, and the import errors say why."""
        try:
            return bool(self._dags.get_dag(route).is_paused)
        except AirflowRuntimeError:
            return True

    def _send_all(self, send: Send) -> None:
        """To each target one message with all that it is to hear; those that took none the last time come last."""
        until = time.monotonic() + BUDGET_SECONDS
        waiting = [name for name in self._targets if self._due(name)]
        for name in sorted(waiting, key=self._failures):
            if time.monotonic() >= until:
                log.warning("there was no time left to notify %s of the alerts; it is notified in the next pass", name)
                continue
            due = self._due(name)
            kind = name.partition(" ")[0]
            try:
                send(self._targets[name], message([self._item(alert, what, name) for alert, what in due.items()]))
            except Exception as error:  # whatever a notifier raises: the others are told, and the ledger keeps order
                told = str(error) if isinstance(error, IntegrationError) else f"{type(error).__name__}: {error}"
                log.error(
                    "%s could not be told of %s, and is the next time: %s", name, counted(len(due), "alert"), told
                )
                metrics.count(metrics.NOTIFICATIONS, 1, target=kind, outcome="failed")
                states = {alert: lifecycle.unsent(self._alerts[alert].state, name) for alert in due}
            else:
                log.info("%s was told: %s", name, ", ".join(f"{a[0]} {a[1]} {what}" for a, what in due.items()))
                metrics.count(metrics.NOTIFICATIONS, 1, target=kind, outcome="sent")
                states = {
                    alert: lifecycle.sent(self._alerts[alert].state, name, what, self._now)
                    for alert, what in due.items()
                }
            for alert, state in states.items():
                self._alerts[alert] = replace(self._alerts[alert], state=state)
            known.write(self._database, states)

    def _due(self, target: str) -> dict[AlertId, lifecycle.Transition]:
        found = {}
        for alert, now in self._alerts.items():
            if target in now.state.targets:
                what = lifecycle.due(now.state, target, self._now, now.repeat)
                if what is not None:
                    found[alert] = what
        return found

    def _failures(self, target: str) -> int:
        return max(now.state.targets[target].failed for now in self._alerts.values() if target in now.state.targets)

    def _item(self, alert: AlertId, what: lifecycle.Transition, target: str) -> Item:
        route, kind = alert
        now = self._alerts[alert]
        run_id = now.finding.run_id if now.finding else None
        links = {"Route": console_link(route), "Run": run_link(route, run_id) if run_id else None}
        return Item(
            what=what,
            route=route,
            kind=kind,  # type: ignore[arg-type]  # read from the ledger for wanted kinds only
            detail=now.state.detail,
            since=now.state.since,
            over=now.state.over,
            times=now.state.targets[target].owed,
            reasons=self._reasons(route) if now.finding and kind in _WITH_REASONS else (),
            links=tuple((name, address) for name, address in links.items() if address),
        )

    def _reasons(self, route: str) -> tuple[str, ...]:
        if route not in self._open:
            return ()
        groups, base = error_groups(self._database, route)[:REASONS], settings.staging_base()
        return tuple(reason(masked_group(self._database, base, group, self._masks[route])) for group in groups)
