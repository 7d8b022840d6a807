"""Lists of what waits, who has what in flight, and what is stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.web.views.definitions import mask_of
from airflow_integrations.airflow.web.views.overview import readable_routes
from airflow_integrations.engine.masked_reasons import masked_group
from airflow_integrations.ledger.inbox.inbox import Inbox, Waiting
from airflow_integrations.ledger.queries.overview import error_groups, queue
from airflow_integrations.ledger.queries.views import ErrorGroup, QueueLine
from airflow_integrations.ledger.runs.leases import LeaseLine, leases

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["Errors", "InboxView", "QueueView", "errors", "inbox_view", "queue_view"]


class QueueView(msgspec.Struct, frozen=True):
    at: float
    queue: tuple[QueueLine, ...]
    """Routes with something open or in flight, the one that has waited longest first."""
    leases: tuple[LeaseLine, ...]
    """The stuck ones first."""


class InboxView(msgspec.Struct, frozen=True):
    at: float
    waiting: tuple[Waiting, ...]
    """Events that no run has taken, by route; the one whose oldest has waited longest first."""


class Errors(msgspec.Struct, frozen=True):
    at: float
    groups: tuple[ErrorGroup, ...]
    """The largest first."""


def queue_view(console: Console, who: Who, route: str | None = None) -> QueueView:
    routes, now = _wanted(console, who, route), console.now()
    waiting = [line for line in queue(console.database, now, among=routes) if line.counts or line.leased]
    waiting.sort(key=lambda line: (line.oldest is None, line.oldest or 0.0, line.route))
    return QueueView(now, tuple(waiting), tuple(leases(console.database, routes, now)))


def inbox_view(console: Console, who: Who, route: str | None = None) -> InboxView:
    """What came from outside and waits for a run."""
    routes, now = _wanted(console, who, route), console.now()
    waiting = Inbox(console.database).waiting(now, routes)
    return InboxView(now, tuple(sorted(waiting, key=lambda each: (each.oldest, each.route))))


def errors(console: Console, who: Who, route: str | None = None) -> Errors:
    """What is not delivered, by kind of error. Examples are masked as their routes mask now."""
    groups = error_groups(console.database, among=_wanted(console, who, route))
    masks = {name: mask_of(console, name) for name in {group.route for group in groups}}
    base = settings.staging_base()
    shown = (masked_group(console.database, base, group, masks[group.route]) for group in groups)
    return Errors(console.now(), tuple(shown))


def _wanted(console: Console, who: Who, route: str | None) -> frozenset[str]:
    if route is None:
        return readable_routes(console, who)
    who.to_read(route)
    return frozenset([route])
