"""Entities of an OData service, read page by page by the kind ``http``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Raw

from airflow_integrations.config.model import Model
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import encode_anyhow, read
from airflow_integrations.incoming import Gone, Page
from airflow_integrations.incoming.http.source import HttpIncoming, key_columns
from airflow_integrations.incoming.odata.delta import delta_mistakes, delta_pages
from airflow_integrations.incoming.odata.options import ODataIncomingConfig, as_http, option_mistakes
from airflow_integrations.odata.json_values import IncompleteError, mind_nested_pages, plain_of_v2
from airflow_integrations.odata.removed import MARKS, is_removed, removed_entity
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.odata.online import Placed

__all__ = ["ODataIncoming", "last_said"]

_MARKS_OF_V2 = (b"/Date(", b'"results"', b'"__')
_UNTOLD_KEY = "it was removed at the service, and what says so does not name the key that entity.key reads"
_REMEDY = "ask for fewer with each entity, or read them from their own entity set"


class ODataIncoming:
    """See :class:`ODataIncomingConfig`."""

    Config: ClassVar[type[Model]] = ODataIncomingConfig

    def __init__(self, config: ODataIncomingConfig, route: Route) -> None:
        self._version = config.version
        self._delta = config.delta
        self._deletes = config.removed == "delete"
        self._key = key_columns(route)
        self._http = HttpIncoming(as_http(config), route)

    @staticmethod
    def mistakes(config: ODataIncomingConfig, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is wrong with the options in this route."""
        yield from option_mistakes(config)
        if config.since is not None and route.missing != "ignore":
            yield (
                ("since",),
                "missing: emit needs a source that gives everything every time, and since asks for what was changed",
            )
        if config.delta:
            yield from delta_mistakes(config, route)

    @staticmethod
    async def check_online(config: ODataIncomingConfig, route: Route, services: Services) -> list[Placed]:
        """What is wrong with names and types by the service's own model."""
        from airflow_integrations.incoming.odata.online import wrong_by
        from airflow_integrations.odata.online import service_model

        model = await service_model(await services.client(config.connection))
        return [((), model)] if isinstance(model, str) else list(wrong_by(model, config))

    discovers: ClassVar[frozenset[str]] = frozenset({"http", "https"})

    @staticmethod
    async def discover(connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery | str:
        """The service's entity sets, or the one that ``place`` names; else why there are none to show."""
        from airflow_integrations.incoming.odata.discover import discovered

        return await discovered(await services.client(connection), place, bounds)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        asked = delta_pages(self._http, run, services, resume) if self._delta else None
        async with aclosing(asked or self._http.pages(run, services, resume)) as pages:
            async for page in pages:
                records = [self._plain(record) for record in page.records]
                yield replace(page, records=last_said(records, self._key) if self._delta else records)

    def _plain(self, record: Any) -> Any:
        """The entity without what belongs to the protocol alone; a BadRecord where a part of it did not come."""
        if type(record) is BadRecord:
            return record
        value = record
        if type(record) is Raw:
            content = bytes(record)
            marks = (*(_MARKS_OF_V2 if self._version == 2 else (b"extLink",)), *(MARKS if self._delta else ()))
            if not any(mark in content for mark in marks):
                return record
            try:
                value = read(content)
            except ContentError:
                return record  # it is rejected, with the reason, where its key is read
        if self._delta and is_removed(value):
            item = removed_entity(value, self._key)
            if item is not None:
                return Gone(item, self._deletes)
            return bad_record(_UNTOLD_KEY, encode_anyhow(value).decode("utf-8", "replace"))
        try:
            if self._version == 2:
                return plain_of_v2(value)
            mind_nested_pages(value)
        except IncompleteError as error:
            return bad_record(f"{error}; {_REMEDY}", encode_anyhow(value).decode("utf-8", "replace"))
        return record


def last_said(records: list[Any], key: Collection[str]) -> list[Any]:
    """Without what the same page takes back: an entity that was removed and is there again, or the other way round.

    The engine deletes by the time of the fetch, and would not see which came last.
    """
    if not key or Gone not in map(type, records):
        return records
    names = [_identity(record, key) for record in records]
    last = {name: place for place, name in enumerate(names) if name is not None}
    contradicted = {
        name for name, record in zip(names, records, strict=True) if name is not None and type(record) is Gone
    }
    return [
        record
        for place, (name, record) in enumerate(zip(names, records, strict=True))
        if name not in contradicted or last[name] == place
    ]


def _identity(record: Any, key: Collection[str]) -> tuple[str, ...] | None:
    """The values of an entity's key, as texts; None where they cannot be read."""
    value = record.item if type(record) is Gone else record
    try:
        value = read(bytes(value)) if type(value) is Raw else value
    except ContentError:
        return None
    if not isinstance(value, dict) or not all(name in value for name in key):
        return None
    return tuple(str(value[name]) for name in sorted(key))
