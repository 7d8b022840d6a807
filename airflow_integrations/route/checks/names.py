"""Names and fields that a route's expressions read where nothing is called so."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_integrations.config.model import walk
from airflow_integrations.config.suggestions import unknown
from airflow_integrations.expressions import Expression, Structure, Template, scope_names
from airflow_integrations.expressions.language.possible_kinds import possible_kinds
from airflow_integrations.expressions.scopes import field_holder
from airflow_integrations.route.checks.conditions import condition_mistake, is_condition
from airflow_integrations.route.checks.entity_fields import Fields, fields_behind, fields_within, gone
from airflow_integrations.route.checks.escaping import template_mistakes
from airflow_integrations.route.checks.object_fields import object_mistake
from airflow_integrations.route.checks.request_texts import request_mistakes
from airflow_integrations.route.checks.unknown_names import Reading, readings, unknown_name
from airflow_integrations.route.stage import Stage
from airflow_integrations.window import AIRFLOW_ALIASES

if TYPE_CHECKING:
    from airflow_integrations.route.definition import EntityOptions
    from airflow_integrations.route.trigger import Trigger

__all__ = [
    "Loc",
    "NameScope",
    "StageNames",
    "entity_mistakes",
    "expressions_of",
    "found_names",
    "name_mistakes",
    "trigger_name_mistakes",
]

Loc = tuple[int | str, ...]
Leaf = Expression | Structure | Template


@dataclass(frozen=True, slots=True)
class NameScope:
    """What names mean throughout a route."""

    entity: str
    params: frozenset[str]
    scheduled: bool
    parent: str | None = None
    """What ``for_each`` of the incoming calls a parent."""


@dataclass(frozen=True, slots=True)
class StageNames:
    """A stage, or None where it could not be read, its place, and the names that stages behind it see."""

    loc: Loc
    stage: Stage | None
    finds: tuple[str, ...]


def found_names(stage: Stage) -> tuple[str, ...]:
    """The names that a step adds to what expressions behind it see."""
    return (stage.config.name,) if stage.part == "transform" and stage.kind == "lookup" else ()


def expressions_of(config: Any) -> Iterator[tuple[Loc, Leaf]]:
    """Every expression, structure and template of a configuration, with its place."""
    for loc, leaf in walk(config):
        if isinstance(leaf, Leaf):
            yield loc, leaf


def name_mistakes(surroundings: NameScope, stages: Sequence[StageNames]) -> Iterator[tuple[Loc, str]]:
    """Names and fields that are read and not there, in a route's stages in their order."""
    later = frozenset(name for seen in stages for name in seen.finds)
    known: list[str] = []
    fields: Fields | None = None
    for seen in stages:
        if seen.stage is not None:
            visible = () if seen.stage.part == "incoming" else tuple(known)
            names = _Names(surroundings, visible, later, fields_within(seen.stage, fields))
            for inner, leaf in expressions_of(seen.stage.config):
                there = replace(
                    names, own=_own_names(seen.stage.config, inner), coming=_coming(seen.stage.config, inner)
                )
                name = next((step for step in reversed(inner) if isinstance(step, str)), "")
                for deeper, text in there.mistakes(leaf, name):
                    yield (*seen.loc, seen.stage.kind, *inner, *deeper), text
                if is_condition(seen.stage.kind, name) and (why := condition_mistake(leaf)) is not None:
                    yield (*seen.loc, seen.stage.kind, *inner), why
        fields = fields_behind(seen.stage, fields)
        known.extend(seen.finds)


def _own_names(config: Any, loc: Loc) -> frozenset[str]:
    """The names that a kind's options give to expressions at a place of theirs, as ``for_each`` does."""
    names_at = getattr(config, "names_at", None)
    return frozenset() if names_at is None or not loc else names_at(loc)


def _coming(config: Any, loc: Loc) -> frozenset[str]:
    """The names of steps that come later."""
    names_later = getattr(config, "names_later", None)
    return frozenset() if names_later is None else names_later(loc)


def entity_mistakes(
    surroundings: NameScope, entity: EntityOptions, stages: Iterable[StageNames]
) -> Iterator[tuple[Loc, str]]:
    """The same for the expressions of ``entity``: no lookup has run before them."""
    names = _Names(surroundings, (), frozenset(name for seen in stages for name in seen.finds), identity=True)
    for inner, leaf in expressions_of(entity):
        found = list(names.mistakes(leaf, ""))
        for deeper, text in found:
            yield ("entity", *inner, *deeper), text
        if not found and (why := _constant(str(inner[0]), leaf, entity.name)):
            yield ("entity", *inner), why
    kinds = possible_kinds(entity.version.parsed) if entity.version is not None else {}
    if len(kinds) > 1:
        told = " and ".join(f"{kind} ({part})" for kind, part in kinds.items())
        yield ("entity", "version"), f"gives {told}, and nobody can say which of them is older; let it give one kind"


def _constant(option: str, leaf: Leaf, entity: str) -> str | None:
    """What is wrong with a key or version that is the same for every entity: each would take the other's place."""
    if option == "key" and not leaf.names & {entity, "source"}:
        return (
            f"{leaf} reads no field of the entity, so that all entities would have the same key and each would replace "
            f"the one before it; write the field that identifies one, such as {entity}.number"
        )
    body = leaf.parsed.body if isinstance(leaf, Expression) else None
    if option == "key" and isinstance(body, ast.BinOp) and isinstance(body.op, ast.Sub):
        parts = [leaf.parsed.segment(part) for part in (body.left, body.right)]  # type: ignore[union-attr]
        return f"- subtracts one number from the other; for a key of both write [{', '.join(parts)}]"
    if option == "version" and not leaf.names:
        return (
            f"{leaf} is the same for every state of an entity, so that none is newer than another; write "
            f"the field that says which is, such as {entity}.updated_at, or leave version out for the time of fetch"
        )
    return None


def trigger_name_mistakes(surroundings: NameScope, trigger: Trigger) -> Iterator[tuple[Loc, str]]:
    """The same for the expressions of ``trigger``: an event has no window, and nothing was looked up for it."""
    names = _Names(replace(surroundings, scheduled=False), (), frozenset())
    listen = trigger.listen
    found = [(("trigger", *inner), leaf) for inner, leaf in expressions_of(trigger)]
    if listen is not None:
        found += [(("trigger", "listen", listen.kind, *inner), leaf) for inner, leaf in expressions_of(listen.config)]
    for loc, leaf in found:
        for deeper, text in names.mistakes(leaf, str(loc[-1])):
            yield (*loc, *deeper), text


@dataclass(frozen=True, slots=True)
class _Names:
    """What may be read in one place of a route."""

    surroundings: NameScope
    lookups: tuple[str, ...]
    later: frozenset[str]
    fields: Fields | None = None
    """The entity's fields, where they are all known."""
    identity: bool = False
    own: frozenset[str] = frozenset()
    coming: frozenset[str] = frozenset()
    """Names that the configuration itself gives, but not yet at this place."""

    def mistakes(self, leaf: Leaf, option: str) -> Iterator[tuple[Loc, str]]:
        """Place below the leaf and message; ``option`` is what the leaf stands under, such as a header's name."""
        allowed = scope_names(leaf.sees, self.surroundings.entity, self.lookups) | self.own
        if self.surroundings.scheduled:
            allowed |= AIRFLOW_ALIASES
        for reading in readings(leaf):
            for name in sorted(frozenset(reading.names) - allowed):
                yield reading.place, self._unknown(name, allowed, reading)
            for path in sorted(reading.fields):
                if text := self._field(path, allowed, reading):
                    yield reading.place, text
        if isinstance(leaf, Template):
            for text in (
                *template_mistakes(leaf),
                *request_mistakes(leaf, option, field_holder(leaf.sees, self.surroundings.entity), allowed),
            ):
                yield (), text
            if (bare := leaf.field_as_text(allowed)) is not None:
                yield (), f"this is text and would be sent as it stands; for the value write {{{{ {bare} }}}}"

    def _unknown(self, name: str, allowed: frozenset[str], reading: Reading) -> str:
        if name in self.later:
            return f"{name} is not known yet: its lookup comes later"
        if name in self.coming:
            return f"{name} is not known yet: its step comes later"
        where = self.surroundings
        if name == where.parent:
            return (
                f"{name} is the parent of for_each, which the request and its answer see; for records write "
                f"for_each.into: {name}, and read {where.entity}.{name}"
            )
        return unknown_name(name, reading, allowed, where.entity, where.params, identity=self.identity)

    def _field(self, path: tuple[str, ...], allowed: frozenset[str], reading: Reading) -> str | None:
        root, params = path[0], self.surroundings.params
        if root == "params" and path[1] != "*" and path[1] not in params:
            return unknown("param", path[1], params, of="Declared under params")
        if self.fields is not None and reading.leaf.sees != "deletion" and root in allowed:
            if root == self.surroundings.entity:
                return gone(path, self.fields)
            if root == "entities" and path[1] == "*":
                return gone(path[1:], self.fields)
        return object_mistake(path, reading.leaf, allowed)
