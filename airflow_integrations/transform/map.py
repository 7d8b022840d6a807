"""``map``: a new entity out of the old one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from airflow_integrations.config.model import RootConfig
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Sees, Structure
from airflow_integrations.expressions.structures.structure_tree import Fields
from airflow_integrations.transform import Place
from airflow_integrations.transform.per_entity import EachEntity

__all__ = ["Map"]


def _describes_an_object(written: Any) -> Any:
    if isinstance(written, (dict, str, Structure)):
        return written
    from airflow_integrations.expressions.structures.written_pairs import pair_remedy  # only for a mistake

    told = "map describes the new entity: fields with expressions, or one expression that gives all of it"
    remedy = pair_remedy(written[0]) if isinstance(written, list) and written else None
    raise ValueError(f"{told}; {remedy}" if remedy else told)


class Map(EachEntity):
    """Replaces the entity by what the structure describes; ``source`` stays what was fetched."""

    only_own_key = True

    class Config(RootConfig[Annotated[Structure, Sees("entity"), BeforeValidator(_describes_an_object)]]):
        """The new entity: mappings nest as written, texts are expressions, text is ``{const: …}``.

        Example:
            DocumentNumber: order.number
            Currency: {const: EUR}
            Lines: {each: order.lines, name: line, map: {ItemCode: line.sku, Quantity: line.qty}}
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._build = config.root.compile()

    def step(self, entity: Entity, names: dict[str, Any]) -> bool:
        value = self._build(names)
        if value is None:
            raise EntityError("the new entity is null: a map gives an object")
        entity.value = value
        return True

    @classmethod
    def fields_behind(cls, config: Any, before: Fields | None) -> Fields | None:
        made: Fields | None = config.root.makes
        return made
