"""What an OData service says of itself in ``$metadata``: its entity sets, their properties and types.

Version 4: OData CSDL XML 4.01. Version 2: MC-CSDL, with associations for what entities lead to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from airflow_integrations.config.suggestions import unknown
from airflow_integrations.formats import ContentError

__all__ = ["EntityType", "ServiceModel", "model_of"]

_LISTS = (
    "Schema",
    "EntityType",
    "ComplexType",
    "Property",
    "NavigationProperty",
    "PropertyRef",
    "EntityContainer",
    "EntitySet",
    "Singleton",
    "Association",
    "End",
    "Action",
    "Function",
    "ActionImport",
    "FunctionImport",
)
_DEEPEST = 30
"""Types that are based on one another."""


@dataclass(slots=True)
class EntityType:
    """``properties`` and ``navigations``: names to full names of types, without ``Collection(…)``."""

    properties: dict[str, str] = field(default_factory=dict)
    navigations: dict[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    base: str | None = None
    not_null: frozenset[str] = frozenset()
    """Properties that always have a value."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Characters that fit into a property, where the model says so."""
    open: bool = False
    """It may have properties that the model does not name."""


class ServiceModel:
    """Raises ContentError for a document that is no model."""

    def __init__(self, document: Any) -> None:
        edmx = _child(document, "Edmx")
        schemas = _children(_child(edmx, "DataServices"), "Schema")
        if not schemas:
            raise ContentError("it is not the model of an OData service: it has no Schema")
        self.version = 4 if str(_child(edmx, "@Version") or "").startswith("4") else 2
        self._aliases = {str(one["@Alias"]): _name(one, "Namespace") for one in schemas if one.get("@Alias")}
        self._types: dict[str, EntityType] = {}
        self.sets: dict[str, str] = {}
        """Entity sets and singletons, with the full names of their types."""
        self.operations: set[str] = set()
        """Actions and functions, with and without their namespace."""
        ends = dict(self._ends(schemas))
        for schema in schemas:
            space = _name(schema, "Namespace")
            for one in (*_children(schema, "EntityType"), *_children(schema, "ComplexType")):
                self._types[f"{space}.{_name(one, 'Name')}"] = self._type(one, ends)
            for kind in ("Action", "Function"):
                for one in _children(schema, kind):
                    self.operations |= {_name(one, "Name"), f"{space}.{_name(one, 'Name')}"}
            for container in _children(schema, "EntityContainer"):
                for one in _children(container, "EntitySet"):
                    self.sets[_name(one, "Name")] = self._full(_name(one, "EntityType"))
                for one in _children(container, "Singleton"):
                    self.sets[_name(one, "Name")] = self._full(_name(one, "Type"))
                for kind in ("ActionImport", "FunctionImport"):
                    self.operations |= {_name(one, "Name") for one in _children(container, kind)}

    def type_of(self, entity_set: str) -> EntityType | str:
        """The type of its entities, or what is wrong with the name. Behind a ``/`` it goes on over navigations."""
        first, *more = entity_set.split("/")
        if first not in self.sets:
            return f"the service's model: {unknown('entity set', first, sorted(self.sets))}"
        found = self.entity_type(self.sets[first])
        for name in more:
            if found is None or "." in name or name not in found.navigations:
                return EntityType(open=True)
            found = self.entity_type(found.navigations[name])
        return found or EntityType(open=True)

    def entity_type(self, name: str) -> EntityType | None:
        """A type with what it has from those that it is based on; None where the model does not name it."""
        found = self._types.get(name)
        if found is None:
            return None
        whole = EntityType(open=found.open)
        for _ in range(_DEEPEST):
            whole.properties = found.properties | whole.properties
            whole.navigations = found.navigations | whole.navigations
            whole.lengths, whole.not_null = found.lengths | whole.lengths, found.not_null | whole.not_null
            whole.key, whole.open = whole.key or found.key, whole.open or found.open
            base = self._types.get(found.base) if found.base else None
            if base is None:
                break
            found = base
        return whole

    def wrong(self, type_: EntityType, path: str) -> str | None:
        """What is wrong with a path of properties, such as ``customer/name``."""
        at: EntityType | None = type_
        for step in path.split("/"):
            if at is None or at.open or step.startswith("$") or step == "*" or "." in step:
                return None
            if step not in at.properties and step not in at.navigations:
                known = sorted((*at.properties, *at.navigations))
                return f"the service's model: {unknown('property', step, known)}"
            at = self.entity_type(at.navigations.get(step) or at.properties[step])
        return None

    def edm(self, type_: EntityType, path: str) -> str | None:
        """The primitive type at the end of a path, such as ``Edm.Guid``; None where it is none, or not known."""
        *above, last = path.split("/")
        at: EntityType | None = type_
        for step in above:
            name = (at.navigations.get(step) or at.properties.get(step)) if at is not None else None
            at = self.entity_type(name) if name else None
        found = at.properties.get(last) if at is not None else None
        return found if found is not None and found.startswith("Edm.") else None

    def _type(self, one: Mapping[str, Any], ends: Mapping[tuple[str, str], str]) -> EntityType:
        found = EntityType(open=str(one.get("@OpenType", "")).lower() == "true")
        found.base = self._full(str(one["@BaseType"])) if one.get("@BaseType") else None
        found.key = tuple(_name(ref, "Name") for ref in _children(_child(one, "Key"), "PropertyRef"))
        found.properties = {_name(p, "Name"): self._full(_name(p, "Type")) for p in _children(one, "Property")}
        found.not_null = frozenset(
            _name(p, "Name") for p in _children(one, "Property") if str(p.get("@Nullable", "")).lower() == "false"
        )
        lengths = {_name(p, "Name"): str(p.get("@MaxLength") or "") for p in _children(one, "Property")}
        found.lengths = {name: int(text) for name, text in lengths.items() if text.isdecimal() and len(text) < 10}
        for navigation in _children(one, "NavigationProperty"):
            target = str(navigation.get("@Type") or "")
            if not target:
                relation = self._full(str(navigation.get("@Relationship") or ""))
                target = ends.get((relation, str(navigation.get("@ToRole"))), "")
            found.navigations[_name(navigation, "Name")] = self._full(target)
        return found

    def _ends(self, schemas: list[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str], str]]:
        for schema in schemas:
            for association in _children(schema, "Association"):
                name = f"{_name(schema, 'Namespace')}.{_name(association, 'Name')}"
                for end in _children(association, "End"):
                    yield (name, str(end.get("@Role"))), str(end.get("@Type") or "")

    def _full(self, name: str) -> str:
        name = name.removeprefix("Collection(").removesuffix(")")
        space, _, last = name.rpartition(".")
        return f"{self._aliases[space]}.{last}" if space in self._aliases else name


@lru_cache(maxsize=4)
def model_of(content: bytes) -> ServiceModel:
    """The model that a document describes. Raises ContentError."""
    from airflow_integrations.formats.options import XmlOptions
    from airflow_integrations.formats.xml import read

    return ServiceModel(read(content, XmlOptions(list=_LISTS)))


def _child(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else None


def _children(holder: Any, name: str) -> list[Mapping[str, Any]]:
    found = _child(holder, name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _name(holder: Mapping[str, Any], attribute: str) -> str:
    return str(holder.get(f"@{attribute}") or "")
