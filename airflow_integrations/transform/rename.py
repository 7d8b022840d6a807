"""``rename``: fields of the entity under other names, or in other places."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.model import RootConfig
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import FieldWatch
from airflow_integrations.expressions.structures.structure_tree import Fields
from airflow_integrations.transform import FoundMistakes, Place
from airflow_integrations.transform.paths import (
    MISSING,
    FieldPath,
    dropped,
    fields_at,
    of_each_element,
    overlap,
    placed,
    split_path,
    taken,
    with_field,
    without_field,
)
from airflow_integrations.transform.per_entity import EachEntity

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["Rename"]


class Rename(EachEntity):
    """Moves fields, all at once, so that two may swap names. A field that an entity does not have is left out.

    An entity that already has something at a new name is rejected: nothing is overwritten unseen.
    """

    only_own_key = True

    class Config(RootConfig[Annotated[dict[FieldPath, FieldPath], Field(min_length=1)]]):
        """The old dotted path with the new one.

        Example: ``customer.mail: customer.email``
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._moves = [(split_path(old), split_path(new), new) for old, new in config.root.items()]
        self.watch = FieldWatch(((place.entity, *old) for old, _, _ in self._moves), (place.entity,))

    def step(self, entity: Entity, names: dict[str, Any]) -> bool:
        value = entity.value
        moving = []
        for old, new, text in self._moves:
            inner = taken(value, old)
            if inner is not MISSING:
                moving.append((old, new, text, inner))
        for old, _, _, _ in moving:
            value = dropped(value, old)
        for _, new, text, inner in moving:
            if taken(value, new) is not MISSING:
                raise EntityError("the entity already has this field; drop or rename it too", field=text)
            try:
                value = placed(value, new, inner)
            except EntityError as error:
                raise EntityError(error.reason, field=text) from None
        entity.value = value
        return True

    @classmethod
    def fields_behind(cls, config: Any, before: Fields | None) -> Fields | None:
        moving = [(split_path(old), split_path(new)) for old, new in config.root.items()]
        found = [(new, fields_at(before, old)) for old, new in moving]
        for old, _ in moving:
            before = without_field(before, old)
        for new, inner in found:
            before = with_field(before, new, inner)
        return before

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        for old, new in config.root.items():
            told = of_each_element(old, route.entity.name) or of_each_element(new, route.entity.name)
            if told is not None:
                yield (old,), told
        for (old, new), (other_old, other_new) in combinations(config.root.items(), 2):
            if overlap(split_path(old), split_path(other_old)):
                yield (other_old,), f"{other_old} and {old} lie in each other: move one of them"
            if overlap(split_path(new), split_path(other_new)):
                yield (other_old,), f"{other_new} is already where {old} goes ({new})"

    @classmethod
    def written_paths(cls, config: Any) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """Each path of the step, with its place in the configuration."""
        for old, new in config.root.items():
            yield from (((old,), path) for path in (old, new) if of_each_element(path, "") is None)
