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
_NO_DELETE = (
    'missing: emit sends deletions and nothing says how; write delete: {path: "/orders/{{ target_id }}"}, '
    "or leave missing at ignore"
)
_NO_VERIFY = (
    "delivery.in_doubt: verify asks the target, and nothing says how; write verify: {path: …}, "
    "or set in_doubt to resend or hold"
)
_VERIFY_UNASKED = "verify is asked only where delivery.in_doubt is verify; set that, or take verify out"
_NO_IDS = "nothing tells what the target calls an entity; write {where}, or read key"
_REQUEST_PARTS = frozenset({"path", "query", "headers", "body", "body_text"})


def mistakes(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Places below the configuration, with what is wrong there."""
    yield from _of_deletions(options, route)
    if route.delivery.in_doubt == "verify":
        if options.verify is None and options.upsert is None:
            yield (), _NO_VERIFY
    elif options.verify is not None:
        yield ("verify",), _VERIFY_UNASKED
    if route.delivery.batch > 1:
        yield from _of_batches(options, route)


def _of_deletions(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if options.delete is None:
        if route.missing != "ignore":
            yield (), _NO_DELETE
        return
    told = options.id or (options.results and options.results.id) or (options.upsert and options.upsert.find.id)
    if told:
        return
    where = "id: body.id" if route.delivery.batch == 1 else "results with an id"
    for place, leaf in walk(options.delete):
        if "target_id" in getattr(leaf, "names", ()):
            yield ("delete", *place), _NO_IDS.format(where=where)


def _of_batches(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    batch, entity = route.delivery.batch, route.entity.name
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
