"""``drop``: fields taken out of the entity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from airflow_integrations.config.model import RootConfig
from airflow_integrations.entity import Entity
from airflow_integrations.expressions.structures.structure_tree import Fields
from airflow_integrations.transform import Fates, Place, TransformerBase
from airflow_integrations.transform.paths import DottedPath, dropped, split_path, without_field

__all__ = ["Drop"]


class Drop(TransformerBase):
    """Takes fields out. One that an entity does not have is not an error: it is gone either way."""

    only_own_key = True

    class Config(RootConfig[Annotated[tuple[DottedPath, ...], Field(min_length=1)]]):
        """Dotted paths; ``*`` stands for every element of a list, as in ``lines.*.cost``.

        Example: ``[customer.email, lines.*.cost]``
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._paths = [split_path(text) for text in config.root]

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        paths = self._paths
        for entity in batch:
            value = entity.value
            for path in paths:
                value = dropped(value, path)
            entity.value = value
        return batch

    @classmethod
    def fields_behind(cls, config: Any, before: Fields | None) -> Fields | None:
        for text in config.root:
            before = without_field(before, split_path(text))
        return before

    @classmethod
    def written_paths(cls, config: Any) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """Each path of the step, with its place in the configuration."""
        yield from (((at,), text) for at, text in enumerate(config.root))
