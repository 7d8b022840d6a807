"""Rows of lookups in the ledger: what another route has delivered, by its key. No request, and nothing to grow old."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.run import Run, Services
from airflow_integrations.window import rfc3339

if TYPE_CHECKING:
    from airflow_integrations.ledger.queries.delivered import Seen

__all__ = ["FIELDS", "DeliveredRows", "read_key"]

FIELDS = ("target_id", "status", "delivered_at", "version", "key")
"""Of a row."""
_SHOWN = 80


def read_key(value: Any) -> str | None:
    """A key as routes have them, several values joined by ``|``; None where one of them is null or missing."""
    parts = value if isinstance(value, list | tuple) else [value]
    if any(part is None for part in parts):
        return None
    try:
        return key_text(value)
    except EntityError as error:
        raise EntityError(error.reason, field="key") from None


class DeliveredRows:
    """``{key, target_id, status, delivered_at, version}`` of each entity that the target of ``route`` has."""

    def __init__(self, name: str, route: str, key: Expression) -> None:
        self._name = name
        self._route = route
        self._key = key.compile()
        self._seen: dict[str, Seen] = {}

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        self._services = services

    def question(self, names: Mapping[str, Any]) -> str | None:
        return read_key(self._key(names))

    async def find(self, questions: Collection[str]) -> dict[str, Any]:
        from airflow_integrations.ledger.queries.delivered import seen_entities  # a DAG file loads no database

        keys = list(questions)
        self._seen = await asyncio.to_thread(seen_entities, self._services.others, self._route, keys)
        return {key: _row(key, self._seen.get(key)) for key in keys}

    def nothing_found(self, question: str) -> str:
        seen = self._seen.get(question)
        if seen is None:
            why = "the route has not had it"
        elif seen.status in ("delivered", "unchanged", "superseded"):
            why = "it was deleted at the target"
        else:
            why = f"it is {seen.status.replace('_', ' ')} there"
        return f"{self._route} has not delivered the {self._name} {question[:_SHOWN]}: {why}"

    def waits(self, question: str) -> tuple[tuple[str, str], ...]:
        return ((self._route, question),)

    def warnings(self) -> list[str]:
        return []


def _row(key: str, seen: Seen | None) -> dict[str, Any] | None:
    if seen is None or not seen.there:
        return None
    at = None if seen.delivered_at is None else rfc3339(datetime.fromtimestamp(seen.delivered_at, UTC))
    return {
        "key": key,
        "target_id": seen.target_id,
        "status": seen.status,
        "delivered_at": at,
        "version": seen.version,
    }
