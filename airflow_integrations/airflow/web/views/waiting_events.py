"""Entities that lie in the inbox only: an event has brought them, and no run has taken it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from airflow_integrations.airflow.web.views.definitions import current
from airflow_integrations.ledger.queries.inbox_keys import event_with_key
from airflow_integrations.route.definition_text import read_definition

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = ["waiting_event", "waiting_events"]

SECONDS = 0.5
"""How long events are read for one page."""


def waiting_event(console: Console, who: Who, route: str, key: str, *, seconds: float = SECONDS) -> float | None:
    """When the oldest event was received that has the entity and waits for a run. None: none was found."""
    who.to_read(route)
    entity = (read_definition(current(console, route) or "") or {}).get("entity") or {}
    name, expression = str(entity.get("name", "entity")), str(entity.get("key", ""))
    return event_with_key(console.database, route, key, name, expression, seconds=seconds)


def waiting_events(console: Console, who: Who, routes: Collection[str], key: str) -> list[str]:
    """The routes in whose inbox the entity waits."""
    until, found = time.monotonic() + SECONDS, list[str]()
    for route in routes:
        if (left := until - time.monotonic()) <= 0:
            break
        if waiting_event(console, who, route, key, seconds=left) is not None:
            found.append(route)
    return found
