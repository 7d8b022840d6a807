"""Names that the expressions and templates of a request see of the entities that it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_integrations.config.model import walk
from airflow_integrations.outgoing import Outbound

__all__ = ["RequestNames", "names_read"]


def names_read(*configs: object) -> frozenset[str]:
    """The names that the expressions, structures and templates in some configurations read."""
    leaves: Iterable[Any] = (leaf for config in configs for _, leaf in walk(config))
    return frozenset().union(*(getattr(leaf, "names", ()) for leaf in leaves))


class RequestNames:
    """Names for requests: ``base``, the same for every entity of a run, and those of the entities.

    Only what is read is decoded; where nothing is, an entity's JSON stays as it is.
    """

    def __init__(self, base: Mapping[str, Any], entity: str, reads: frozenset[str], *, together: bool) -> None:
        self._base = base
        self._entity = entity
        self._together = together
        of_entities = reads - base.keys()
        self._anything = bool(of_entities)
        self._source = "source" in of_entities
        self._at_target = bool(of_entities & {"target_id", "delivered"})
        self._lookups = bool(of_entities - {entity, "source", "entities", "target", "target_id", "delivered"})

    def of(self, part: Sequence[Outbound]) -> dict[str, Any]:
        """The names for a request that carries these entities; one of them unless batches are sent."""
        names = dict(self._base)
        if not self._anything:
            return names
        names["entities"] = [outbound.value for outbound in part]
        if self._together:
            return names
        (outbound,) = part
        names[self._entity] = outbound.value
        if self._source:
            names["source"] = outbound.source
        if self._at_target:
            names["target_id"], names["delivered"] = outbound.target_id, outbound.delivered
        if self._lookups:
            if outbound.found:
                names.update(outbound.found)
            if outbound.names:
                names.update(outbound.names)
        return names
