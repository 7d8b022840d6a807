"""A step that looks at one entity at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.run import entity_names
from airflow_integrations.transform import Fates, TransformerBase

__all__ = ["EachEntity"]


class EachEntity(TransformerBase):
    """Calls :meth:`step` for every entity; one that raises EntityError is rejected and the others go on."""

    @abstractmethod
    def step(self, entity: Entity, names: dict[str, Any]) -> bool:
        """Change ``entity`` in place; False filters it out. ``names`` is what expressions see, made for this call."""

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        base, name, step, watch = self.base, self.place.entity, self.step, self.watch
        going_on = []
        for entity in batch:
            names = entity_names(base, name, entity)
            if watch.watching:
                watch.see(names)
            try:
                if step(entity, names):
                    going_on.append(entity)
                else:
                    fates.filtered(entity)
            except EntityError as error:
                self.reject(entity, error, fates)
        return going_on
