"""``merge``: one entity for each key of a run."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_integrations.config.model import ShortForm
from airflow_integrations.entity import Entity, compare, kind_of_version
from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Fates, FoundMistakes, Place, TransformerBase

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["Merge"]

BATCH = 500
"""Entities handed on at a time when everything has arrived."""

_CREATE = """CREATE TABLE held (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, version TEXT, value BLOB, source BLOB, found BLOB)"""
_EARLIER = "SELECT key, version, value, source, found FROM held WHERE key = ?"
_PAGE = "SELECT key, version, value, source, found, position FROM held WHERE position > ? ORDER BY position LIMIT ?"
_INSERT = "INSERT INTO held (key, version, value, source, found) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_REPLACE = "UPDATE held SET version = ?, value = ?, source = ?, found = ? WHERE key = ?"


class Merge(TransformerBase):
    """Holds everything back until the last entity has passed, then lets one of each key go on, where its first stood.

    What is held lies in a temporary file of SQLite's, so memory does not grow with the number of entities.
    """

    keeps_fields = True
    only_own_key = True

    class Config(ShortForm):
        """Which of several entities with one key goes on.

        Example:
            keep: last
        """

        short_form: ClassVar[str] = "keep"

        keep: Literal["last", "first", "newest"] = "last"
        """``last`` or ``first`` to arrive, or ``newest`` by ``entity.version``: of equal versions the last, and one
        without a version is the oldest. Versions that are both numbers are compared as numbers, others as text.

        Example: ``keep: first``
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._held: sqlite3.Connection | None = None
        self._unlike: str | None = None

    async def open(self, run: Run, services: Services) -> None:
        await super().open(run, services)
        # "" is a private file that spills from a small cache and is gone when the process is, however it ends
        self._held = sqlite3.connect("", isolation_level=None)
        self._held.execute("PRAGMA journal_mode = OFF")
        self._held.execute("PRAGMA synchronous = OFF")
        self._held.execute(_CREATE)

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        held = self._open()
        held.execute("BEGIN")
        for entity in batch:
            try:
                row = _row(entity)
            except EntityError as error:
                self.reject(entity, error, fates)
                continue
            if held.execute(_INSERT, row).rowcount:
                continue
            if self.config.keep == "first":
                fates.merged(entity)
                continue
            earlier = held.execute(_EARLIER, row[:1]).fetchone()
            if self.config.keep == "newest" and self._is_older(entity.version, earlier[1]):
                fates.merged(entity)
            else:
                fates.merged(_entity(earlier))
                held.execute(_REPLACE, (*row[1:], row[0]))
        held.execute("COMMIT")
        return []

    def _is_older(self, version: str | None, other: str | None) -> bool:
        if version is None or other is None:
            return version is None and other is not None
        order = compare(version, other)
        if order == "unlike" and self._unlike is None:
            self._unlike = f"{kind_of_version(other)}, then {kind_of_version(version)}"
        return order == "older"

    def warnings(self) -> list[str]:
        told = super().warnings()
        if self._unlike is not None:
            told.append(
                f"{self.place}: entity.version gives values that cannot be compared ({self._unlike}); of such "
                "entities the last one goes on, be it older or newer"
            )
        return told

    async def flush(self, fates: Fates) -> AsyncIterator[list[Entity]]:
        held, position = self._open(), 0
        while rows := held.execute(_PAGE, (position, BATCH)).fetchall():
            position = rows[-1][5]
            yield [_entity(row) for row in rows]

    async def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _open(self) -> sqlite3.Connection:
        assert self._held is not None, "open() comes first"
        return self._held

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        if config.keep == "newest" and route.entity.version is None:
            yield ("keep",), "newest needs entity.version: which field says how new an entity is?"


def _row(entity: Entity) -> tuple[str, str | None, bytes, bytes | None, bytes | None]:
    try:
        value = encode(entity.value)
        source = None if entity.source is entity.value else encode(entity.source)
        found = encode(entity.found) if entity.found else None
        for encoded in (value, source, found):
            if encoded is not None and (b"NaN" in encoded or b"Infinity" in encoded):
                decode(encoded)  # a Decimal may be one of them, and is written as no JSON reader takes it
    except NOT_JSON as error:
        raise EntityError(why_not_json(error, entity.value, "the entity")) from None
    return entity.key, entity.version, value, source, found


def _entity(row: tuple[Any, ...]) -> Entity:
    key, version, value, source, found = row[:5]
    return Entity(
        key,
        decode(value),
        source=decode(source) if source else None,
        version=version,
        found=decode(found) if found else None,
    )
