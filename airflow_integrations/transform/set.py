"""``set``: computed fields added to the entity, or overwritten in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.model import RootConfig
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Sees, Structure
from airflow_integrations.expressions.structures.structure_tree import Fields
from airflow_integrations.transform import FoundMistakes, Place
from airflow_integrations.transform.paths import FieldPath, of_each_element, placed, split_path, with_field
from airflow_integrations.transform.per_entity import EachEntity

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route

__all__ = ["Set"]


class Set(EachEntity):
    """Sets fields in the order they are written: each expression sees what the ones before it set."""

    sees_own_fields = True
    only_own_key = True

    class Config(RootConfig[Annotated[dict[FieldPath, Annotated[Structure, Sees("entity")]], Field(min_length=1)]]):
        """Dotted paths with what to set there, in the grammar of ``map``. Missing objects on the way are made.

        Example:
            customer.name: order.customer.first + " " + order.customer.last
            total: decimal(order.total)
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._fields = [(text, split_path(text), what.compile()) for text, what in config.root.items()]

    def step(self, entity: Entity, names: dict[str, Any]) -> bool:
        name, value = self.place.entity, entity.value
        for text, path, compute in self._fields:
            try:
                value = names[name] = placed(value, path, compute(names))
            except EntityError as error:
                inner = error.field if error.field and error.field != text else None
                raise EntityError(error.reason, field=f"{text}.{inner}" if inner else text) from None
        entity.value = value
        return True

    @classmethod
    def fields_behind(cls, config: Any, before: Fields | None) -> Fields | None:
        for text, what in config.root.items():
            before = with_field(before, split_path(text), what.makes)
        return before

    @classmethod
    def written_paths(cls, config: Any) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """Each path of the step, with its place in the configuration."""
        for text in config.root:
            if of_each_element(text, "") is None:  # it is told by mistakes
                yield (text,), text

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        for text in config.root:
            if told := of_each_element(text, route.entity.name):
                yield (text,), told
