"""Check what a route's parts cannot know of each other: names, params, and what kinds say about the whole route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from airflow_integrations.config.model import walk
from airflow_integrations.route.checks.escaping import body_mistakes
from airflow_integrations.route.checks.names import (
    Loc,
    NameScope,
    StageNames,
    entity_mistakes,
    expressions_of,
    found_names,
    name_mistakes,
    trigger_name_mistakes,
)
from airflow_integrations.route.checks.written_paths import cursor_mistakes, path_mistakes
from airflow_integrations.route.grouping import group_mistakes
from airflow_integrations.route.stage import Stage
from airflow_integrations.window import AIRFLOW_ALIASES

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["check", "deep_mistakes", "names_needed_by_outgoing", "stages_of"]


_TEMPLATE = re.compile(r"\{\{.*?\}\}")


def check(route: Route) -> None:
    """Raises pydantic's ValidationError with every mistake and its place."""
    found = [
        InitErrorDetails(type=PydanticCustomError("route", "{text}", {"text": text}), loc=loc, input=None)
        for loc, text in _mistakes(route)
    ]
    if found:
        raise ValidationError.from_exception_data("Route", found)


def deep_mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    """The mistakes in files and modules that a valid route names: schemas, lookup tables, Python functions.

    Reads them: for ``validate`` and the check of the routes folder, not for parsing.
    """
    for loc, stage in stages_of(route):
        check_files = getattr(stage.component(), "check_files", None)
        if check_files is not None:
            for inner, text in check_files(stage.config):
                yield (*loc, stage.kind, *inner), text


def stages_of(route: Route) -> Iterator[tuple[Loc, Stage]]:
    """The stages of a route and what it listens to, each with its place in the definition."""
    yield from _stages(route)
    yield from _listening(route)


def names_needed_by_outgoing(route: Route) -> frozenset[str]:
    """Which of ``source`` and the lookups' names outgoing reads: the rest need not be staged."""
    read = {name for _, leaf in expressions_of(route.outgoing.config) for name in leaf.names}
    lookups = {name for stage in route.transform for name in found_names(stage)}
    return frozenset(read & (lookups | {"source"}))


def _mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    parents = getattr(route.incoming.config, "for_each", None)
    parent = None if parents is None else str(parents.name)
    surroundings = NameScope(route.entity.name, frozenset(route.params), route.schedule is not None, parent)
    stages = [StageNames(loc, stage, found_names(stage)) for loc, stage in _stages(route)]
    yield from entity_mistakes(surroundings, route.entity, stages)
    yield from name_mistakes(surroundings, stages)
    yield from path_mistakes(route.entity, stages)
    yield from cursor_mistakes(route.entity, stages)
    yield from _trigger_mistakes(surroundings, route)
    yield from _missing_mistakes(route)
    yield from group_mistakes(route)
    if getattr(route.incoming.config, "partitions", None) is not None:
        from airflow_integrations.route.partitions import partition_mistakes

        yield from partition_mistakes(route)
    yield from _outgoing_mistakes(route)
    yield from _dag_mistakes(route)
    for loc, stage in stages_of(route):
        for inner, text in (*body_mistakes(stage.config), *_untaken_templates(stage.config)):
            yield (*loc, stage.kind, *inner), text
        own = getattr(stage.component(), "mistakes", None)
        if own is not None:
            for inner, text in own(stage.config, route):
                yield (*loc, stage.kind, *inner), text


def _untaken_templates(config: object) -> Iterator[tuple[Loc, str]]:
    """Options that take no templates, and would be used with their ``{{ }}`` as they stand."""
    for place, leaf in walk(config):
        if type(leaf) is str and _TEMPLATE.search(leaf):
            yield place, f"{place[-1] if place else 'this'} takes no template: it is one for all entities; write it out"


def _trigger_mistakes(surroundings: NameScope, route: Route) -> Iterator[tuple[Loc, str]]:
    if route.trigger is None:
        if "incoming" not in route.model_fields_set:
            yield ("incoming",), "is missing: a route without trigger has to fetch its entities from somewhere"
        return
    yield from trigger_name_mistakes(surroundings, route.trigger)
    if route.trigger.listen is not None and route.trigger.assets is not None and route.trigger.assets.waits_for_several:
        yield (
            ("trigger", "assets"),
            "a message that listen brings would use up what all has seen so far; give each a route of its own",
        )
    if route.trigger.sweep is not None and route.schedule is not None:
        yield ("trigger", "sweep"), "runs by schedule take what waits, too; leave sweep out"
    if route.trigger.at is not None and route.schedule is not None:
        yield ("trigger", "at"), "the route runs at the times of its schedule, too; leave at out"


def _missing_mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    """Where a route asks for a part of what the source has, the rest has not vanished."""
    if route.missing == "ignore":
        return
    of_time = AIRFLOW_ALIASES | {"window"}
    if any(leaf.names & of_time for _, leaf in expressions_of(route.incoming.config)):
        yield (
            ("missing",),
            "incoming asks for a window; only a source that gives everything every time shows what is missing",
        )
    if getattr(route.incoming.config, "cursor", None) is not None:
        yield (
            ("missing",),
            "incoming has a cursor; only a source that gives everything every time shows what is missing",
        )
    if any(step.kind == "split" for step in route.transform):
        yield ("missing",), "split makes entities whose keys the source never had: what is missing cannot be told"


def _outgoing_mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    """What the route wants of its target and the kind of outgoing cannot do at all."""
    component, kind = route.outgoing.component(), route.outgoing.kind
    if route.missing != "ignore" and not getattr(component, "deletes", False):
        yield ("missing",), f"outgoing {kind} cannot delete at the target; leave missing at ignore"
    if route.tasks.spread > 1 and getattr(component, "gathers", False):
        yield ("tasks", "spread"), f"outgoing {kind} puts many entities into one file, so one task sends; leave it out"
    if route.tasks.spread > route.delivery.concurrency:
        allowed = f"they share delivery.concurrency, which is {route.delivery.concurrency}: give it at least as many"
        yield ("tasks", "spread"), f"{route.tasks.spread} tasks send at the same time, and {allowed}"
    if route.delivery.in_doubt == "verify" and not hasattr(component, "verify"):
        yield ("delivery", "in_doubt"), f"outgoing {kind} cannot ask the target; write resend or hold"


def _dag_mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    deadline = route.dag.deadline
    if deadline is None:
        return
    if deadline.notify is None and route.alerts is None:
        yield ("dag", "deadline"), "nobody would be notified: write notify, or alerts with notify into the route"
    if deadline.since == "logical_date" and route.schedule is None:
        yield ("dag", "deadline", "since"), "a route without a schedule has no logical dates; write queued"


def _stages(route: Route) -> Iterator[tuple[Loc, Stage]]:
    yield ("incoming",), route.incoming
    for index, stage in enumerate(route.transform):
        yield ("transform", index), stage
    yield ("outgoing",), route.outgoing


def _listening(route: Route) -> Iterator[tuple[Loc, Stage]]:
    if route.trigger is not None and route.trigger.listen is not None:
        yield ("trigger", "listen"), route.trigger.listen
