"""Rows of lookups in a store of the ledger: what routes and people have put there under a key."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from airflow_integrations.expressions import Expression
from airflow_integrations.formats.json import read
from airflow_integrations.run import Run, Services
from airflow_integrations.transform.lookup.delivered import read_key

__all__ = ["StoredRows"]

_SHOWN = 80


class StoredRows:
    """The object that is stored under the key; for a value that is not an object, ``{key, value}``."""

    def __init__(self, name: str, store: str, key: Expression) -> None:
        self._name = name
        self._store = store
        self._key = key.compile()

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        self._services = services

    def question(self, names: Mapping[str, Any]) -> str | None:
        return read_key(self._key(names))

    async def find(self, questions: Collection[str]) -> dict[str, Any]:
        keys = list(questions)
        found = await asyncio.to_thread(self._read, keys)
        return {key: _row(key, found.get(key)) for key in keys}

    def _read(self, keys: list[str]) -> dict[str, bytes]:
        from airflow_integrations.ledger.store import read_values  # a DAG file loads no database

        services = self._services
        found = read_values(services.others, self._store, keys, services.now())
        if services.previews:  # what the preview itself would have stored
            found |= read_values(services.ledger, self._store, keys, services.now())
        return found

    def nothing_found(self, question: str) -> str:
        return f"the store {self._store} has no {self._name} {question[:_SHOWN]}"

    def waits(self, question: str) -> tuple[tuple[str, str], ...]:
        return ()

    def warnings(self) -> list[str]:
        return []


def _row(key: str, content: bytes | None) -> dict[str, Any] | None:
    if content is None:
        return None
    value = read(content)
    return value if isinstance(value, dict) else {"key": key, "value": value}
