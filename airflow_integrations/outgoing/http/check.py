"""Mistakes in ``outgoing.http`` that show only together with the rest of the route."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_integrations.config.model import walk
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.steps.check import lookup_names, mistakes_in_steps
from airflow_integrations.outgoing.http.steps.options import Choice
from airflow_integrations.route.definition import Route

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
_SEVERAL_ALONE = (
    "{option} sends an entity by itself, and delivery.batch sends {batch} together; set delivery.batch to 1, or leave "
    "{option} out"
)
_REQUEST_PARTS = frozenset({"path", "query", "headers", "body", "body_text", "form"})


def mistakes(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Places below the configuration, with what is wrong there."""
    yield from _of_deletions(options, route)
    yield from _of_ids(options, route)
    if options.in_steps:
        yield from mistakes_in_steps(options, route)
    elif route.delivery.in_doubt == "verify":
        if options.verify is None and options.upsert is None:
            yield (), _NO_VERIFY
    elif options.verify is not None:
        yield ("verify",), _VERIFY_UNASKED
    if route.delivery.batch > 1:
        yield from _of_batches(options, route)


def _of_deletions(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if options.delete is None and route.missing != "ignore":
        yield (), _NO_DELETE


def _of_ids(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Where ``target_id`` is read, something has to tell it."""
    told = [options.target_id, options.results.id if options.results else None]
    ways: list[HttpOptions | Choice] = [options, *(options.choose or ())]
    for way in ways:
        told += [way.id, way.upsert.find.id if way.upsert else None, way.verify.id if way.verify else None]
    if any(told):
        return
    where = "id: body.id" if route.delivery.batch == 1 else "results with an id"
    where = "target_id: and the name of a step" if options.steps is not None else where
    for place, leaf in walk(options):
        if "target_id" in getattr(leaf, "names", ()):
            yield place, _NO_IDS.format(where=where)


def _of_batches(options: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
    batch, entity = route.delivery.batch, route.entity.name
    if options.in_steps:
        option = "steps" if options.steps is not None else "choose"
        yield (option,), _SEVERAL_ALONE.format(option=option, batch=batch)
        return
    if options.upsert is not None:
        yield ("upsert",), f"an upsert sends entities one by one; set delivery.batch to 1 (it is {batch})"
        return
    form = options.body_format
    if form is not None and options.body is None and form.written == "xml" and form.xml.record is None:
        yield ("body_format", "xml", "record"), f"with record: null a body is one entity; delivery.batch is {batch}"
    if options.id is not None:
        yield ("id",), f"one answer is about {batch} entities (delivery.batch); read their ids with results.id"
    of_one = {entity, "source", "target_id", "delivered", *lookup_names(route)}
    for place, leaf in walk(options):
        if place[0] not in _REQUEST_PARTS:
            continue
        for name in sorted(getattr(leaf, "names", frozenset()) & of_one):
            yield place, _ONE_AMONG_MANY.format(name=name, batch=batch)
