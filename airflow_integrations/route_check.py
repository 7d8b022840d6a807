"""What a route's parts cannot know of each other: names, params, and what kinds say about the route as a whole."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from airflow_integrations.expressions import AIRFLOW_NAMES, SCOPES, Expression, Structure, Template, scope_names
from airflow_integrations.model import walk
from airflow_integrations.registry import unknown
from airflow_integrations.stage import Stage
from airflow_integrations.window import AIRFLOW_ALIASES

if TYPE_CHECKING:
    from airflow_integrations.route import EntityOptions, Route
    from airflow_integrations.trigger import Trigger

__all__ = [
    "Loc",
    "Seen",
    "Surroundings",
    "check",
    "deep_mistakes",
    "entity_mistakes",
    "found_names",
    "name_mistakes",
    "names_needed_by_outgoing",
    "trigger_name_mistakes",
]

Loc = tuple[int | str, ...]
Leaf = Expression | Structure | Template


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
    for loc, stage in (*_stages(route), *_listening(route)):
        check_files = getattr(stage.component(), "check_files", None)
        if check_files is not None:
            for inner, text in check_files(stage.config):
                yield (*loc, stage.kind, *inner), text


def names_needed_by_outgoing(route: Route) -> frozenset[str]:
    """Which of ``source`` and the lookups' names outgoing reads: the rest need not be staged."""
    read = {name for _, leaf in _leaves(route.outgoing.config) for name in leaf.names}
    lookups = {name for stage in route.transform for name in found_names(stage)}
    return frozenset(read & (lookups | {"source"}))


def name_mistakes(surroundings: Surroundings, stages: Sequence[Seen]) -> Iterator[tuple[Loc, str]]:
    """Names that are read where nothing is called so, in a route's stages in their order."""
    later = frozenset(name for seen in stages for name in seen.finds)
    known: list[str] = []
    for seen in stages:
        if seen.stage is not None:
            visible = () if seen.stage.part == "incoming" else tuple(known)
            names = _Names(surroundings, visible, later)
            for inner, leaf in _leaves(seen.stage.config):
                for deeper, text in names.mistakes(leaf):
                    yield (*seen.loc, seen.stage.kind, *inner, *deeper), text
        known.extend(seen.finds)


def entity_mistakes(
    surroundings: Surroundings, entity: EntityOptions, stages: Iterable[Seen]
) -> Iterator[tuple[Loc, str]]:
    """The same for the expressions of ``entity``: no lookup has run before them."""
    names = _Names(surroundings, (), frozenset(name for seen in stages for name in seen.finds))
    for inner, leaf in _leaves(entity):
        for deeper, text in names.mistakes(leaf):
            yield ("entity", *inner, *deeper), text


def _mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    surroundings = Surroundings(route.entity.name, frozenset(route.params), route.schedule is not None)
    stages = [Seen(loc, stage, found_names(stage)) for loc, stage in _stages(route)]
    yield from entity_mistakes(surroundings, route.entity, stages)
    yield from name_mistakes(surroundings, stages)
    yield from _trigger_mistakes(surroundings, route)
    yield from _missing_mistakes(route)
    yield from _outgoing_mistakes(route)
    for loc, stage in (*_stages(route), *_listening(route)):
        own = getattr(stage.component(), "mistakes", None)
        if own is not None:
            for inner, text in own(stage.config, route):
                yield (*loc, stage.kind, *inner), text


def _trigger_mistakes(surroundings: Surroundings, route: Route) -> Iterator[tuple[Loc, str]]:
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


def trigger_name_mistakes(surroundings: Surroundings, trigger: Trigger) -> Iterator[tuple[Loc, str]]:
    """The same for the expressions of ``trigger``: an event has no window, and nothing was looked up for it."""
    names = _Names(replace(surroundings, scheduled=False), (), frozenset())
    listen = trigger.listen
    found = [(("trigger", *inner), leaf) for inner, leaf in _leaves(trigger)]
    if listen is not None:
        found += [(("trigger", "listen", listen.kind, *inner), leaf) for inner, leaf in _leaves(listen.config)]
    for loc, leaf in found:
        for deeper, text in names.mistakes(leaf):
            yield (*loc, *deeper), text


def _missing_mistakes(route: Route) -> Iterator[tuple[Loc, str]]:
    """Where a route asks for a part of what the source has, the rest has not vanished."""
    if route.missing == "ignore":
        return
    of_time = AIRFLOW_ALIASES | {"window"}
    if any(leaf.names & of_time for _, leaf in _leaves(route.incoming.config)):
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
    if route.delivery.in_doubt == "verify" and not hasattr(component, "verify"):
        yield ("delivery", "in_doubt"), f"outgoing {kind} cannot ask the target; write resend or hold"


def _stages(route: Route) -> Iterator[tuple[Loc, Stage]]:
    yield ("incoming",), route.incoming
    for index, stage in enumerate(route.transform):
        yield ("transform", index), stage
    yield ("outgoing",), route.outgoing


def _listening(route: Route) -> Iterator[tuple[Loc, Stage]]:
    if route.trigger is not None and route.trigger.listen is not None:
        yield ("trigger", "listen"), route.trigger.listen


def _leaves(config: Any) -> Iterator[tuple[Loc, Leaf]]:
    for loc, leaf in walk(config):
        if isinstance(leaf, Leaf):
            yield loc, leaf


def found_names(stage: Stage) -> tuple[str, ...]:
    """The names that a step adds to what expressions behind it see."""
    return (stage.config.name,) if stage.part == "transform" and stage.kind == "lookup" else ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What names mean throughout a route."""

    entity: str
    params: frozenset[str]
    scheduled: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A stage, or None where it could not be read, its place, and the names that stages behind it see."""

    loc: Loc
    stage: Stage | None
    finds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """What may be read in one place of a route."""

    surroundings: Surroundings
    lookups: tuple[str, ...]
    later: frozenset[str]

    def mistakes(self, leaf: Leaf) -> Iterator[tuple[Loc, str]]:
        allowed = scope_names(leaf.sees, self.surroundings.entity, self.lookups)
        if self.surroundings.scheduled:
            allowed |= AIRFLOW_ALIASES
        for name in sorted(leaf.names - allowed):
            for loc in _places_of(leaf, name):
                yield loc, self._unknown(name, allowed, leaf)
        for path in sorted(leaf.fields):
            if path[0] == "params" and len(path) > 1 and path[1] != "*" and path[1] not in self.surroundings.params:
                text = unknown("param", path[1], self.surroundings.params, of="Declared under params")
                for loc in _places_of(leaf, "params", path):
                    yield loc, text
        if isinstance(leaf, Template) and (bare := leaf.field_as_text(allowed)) is not None:
            yield (), f"this is text and would be sent as it stands; for the value write {{{{ {bare} }}}}"

    def _unknown(self, name: str, allowed: frozenset[str], leaf: Leaf) -> str:
        known = f"Known here: {', '.join(sorted(allowed - AIRFLOW_ALIASES))}"
        if name in AIRFLOW_NAMES:
            return f"{name} is a name of Airflow's that not every run has; write {AIRFLOW_NAMES[name]}"
        if name in self.later:
            return f"{name} is not known yet: its lookup comes later"
        if any(name in scope.names for scope in SCOPES.values()):
            return f"{name} is not known here. {known}"
        close = difflib.get_close_matches(name, allowed - AIRFLOW_ALIASES, n=1)
        if close:
            return f"unknown name {name}, did you mean {close[0]}? {known}"
        if isinstance(leaf, Structure):
            return f"unknown name {name}; for the text write {{const: {name}}}. {known}"
        remedy = f'; for the text write "{name}"' if isinstance(leaf, Expression) else ""
        return f"unknown name {name}{remedy}. {known}"


def _places_of(leaf: Leaf, name: str, path: tuple[str, ...] = ()) -> list[Loc]:
    """Where in a structure a name (or path) is read; a text has but one place."""
    if not isinstance(leaf, Structure):
        return [()]
    found = []
    for loc, text in walk(leaf.definition):
        if isinstance(text, str) and "const" not in loc:
            read = Expression(text, leaf.sees)
            if name in read.names and (not path or path in read.fields):
                found.append(loc)
    return found or [()]
