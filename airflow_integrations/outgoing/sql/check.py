"""Mistakes in ``outgoing.sql`` that show only together with the rest of the route."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.config.suggestions import continued
from airflow_integrations.outgoing.sql.options import SqlOptions
from airflow_integrations.route.checks.entity_fields import Fields, fields_behind
from airflow_integrations.route.definition import Route

__all__ = ["mistakes"]

Loc = tuple[int | str, ...]


def mistakes(options: SqlOptions, route: Route) -> Iterator[tuple[Loc, str]]:
    """Places below the configuration, with what is wrong there."""
    if route.missing != "ignore":
        if options.call is not None:
            yield (), "missing: emit deletes rows, and a call has none; leave missing at ignore"
        elif not options.key:
            yield (), "missing: emit deletes rows, and nothing identifies them; write key, or leave missing at ignore"
    names = [write.table for write in (*options.before, *([options.main] if options.main else []), *options.also)]
    for place, write in enumerate(options.also):
        if names.count(write.table) > 1 and write.mode != "append":
            yield ("also", place, "table"), f"{write.table} is written twice for each entity; write it once"
    yield from _key_mistakes(options, route)


def _key_mistakes(options: SqlOptions, route: Route) -> Iterator[tuple[Loc, str]]:
    """Key columns that no field of the entity fills, where its fields are its columns."""
    if options.main is None or options.main.columns is not None:
        return
    fields: Fields | None = None
    for step in route.transform:
        fields = fields_behind(step, fields)
    entity = route.entity.name
    for name in (options.key,) if isinstance(options.key, str) else options.key or ():
        if name.startswith(f"{entity}."):
            yield ("key",), f"a column is written without {entity} before it; write {name.removeprefix(f'{entity}.')}"
        elif fields is not None and name.casefold() not in {field.casefold() for field in fields}:
            yield ("key",), f"the {entity} has no field {name!r} behind map{continued(name, fields, of='It has')}"
