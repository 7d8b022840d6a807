"""Mistakes in ``outgoing.http`` that show only together with the rest of the route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_integrations.model import walk
from airflow_integrations.outgoing.http_options import HttpOptions
from airflow_integrations.route import Route

__all__ = ["mistakes"]

_ONE_AMONG_MANY = (
    "{name} is one entity's, and one request carries {batch} of them (delivery.batch): "
    "read entities, the list of them, or set delivery.batch to 1"
)
_REQUEST_PARTS = frozenset({"path", "query", "headers", "body", "body_text"})


def mistakes(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Places below the configuration, with what is wrong there."""
    batch, entity = route.delivery.batch, route.entity.name
    if batch == 1:
        return
    if options.upsert is not None:
        yield ("upsert",), f"an upsert sends entities one by one; set delivery.batch to 1 (it is {batch})"
        return
    if options.id is not None:
        yield ("id",), f"one answer is about {batch} entities (delivery.batch); read their ids with results.id"
    lookups = {_lookup_name(stage.config) for stage in route.transform if stage.kind == "lookup"}
    for place, leaf in walk(options):
        if place[0] not in _REQUEST_PARTS:
            continue
        for name in sorted(getattr(leaf, "names", frozenset()) & {entity, "source", *lookups}):
            yield place, _ONE_AMONG_MANY.format(name=name, batch=batch)


def _lookup_name(config: Any) -> str:
    return str(getattr(config, "name", ""))
