"""``split``: one entity becomes several."""

from __future__ import annotations

from typing import Annotated, Any

from airflow_integrations.config.model import Model
from airflow_integrations.entity import Entity, key_text, version_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Sees, Structure
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.expressions.structures.structure_tree import Fields
from airflow_integrations.run import entity_names
from airflow_integrations.transform import Fates, Place, TransformerBase

__all__ = ["Split"]


class Split(TransformerBase):
    """Makes an entity of every element of a list. The parts stand where the whole stood, in the order of the list.

    Behind this step the entity's name means the part and ``source`` the whole it was split from; what lookups found
    for the whole holds for its parts. A part that fails is rejected by itself. A whole with an empty list is filtered
    out; one whose list is missing is rejected.
    """

    class Config(Model):
        """Which list, and what becomes of its elements: there, ``item`` is the element and the entity is whole.

        Example:
            each: order.lines
            key: "[order.number, item.sku]"
            map: {Order: order.number, ItemCode: item.sku}
        """

        each: Annotated[Expression, Sees("entity")]
        """The list, such as ``order.lines``.

        Example: ``each: order.lines``
        """
        key: Annotated[Expression, Sees("part")] | None = None
        """Identifies a part; several values in a list are joined by ``|``. Left out: the whole's key and the part's
        number, ``7/1``, ``7/2``, … Write one where the order of the list may change.

        Example: ``key: "[order.number, item.sku]"``
        """
        version: Annotated[Expression, Sees("part")] | None = None
        """Orders two states of a part. Left out: the version of the whole.

        Example: ``version: item.updated_at``
        """
        map: Annotated[Structure, Sees("part")] | None = None
        """The part, in the grammar of ``map``. Left out: the element as it is.

        Example: ``map: {Order: order.number, ItemCode: item.sku}``
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._each = config.each.compile()
        self._key = config.key.compile() if config.key else None
        self._version = config.version.compile() if config.version else None
        self._map = config.map.compile() if config.map else None

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        parts: list[Entity] = []
        for entity in batch:
            names = entity_names(self.base, self.place.entity, entity)
            self.watch.see(names)
            try:
                elements = self._elements(names)
            except EntityError as error:
                self.reject(entity, error, fates)
                continue
            if not elements:
                fates.filtered(entity)
                continue
            fates.split(len(elements) - 1)
            for number, element in enumerate(elements, 1):
                part = Entity(
                    f"{entity.key}/{number}", element, source=entity.value, version=entity.version, found=entity.found
                )
                try:
                    self._finish(part, {**names, "item": element})
                except EntityError as error:
                    self.reject(part, error, fates)
                else:
                    parts.append(part)
        return parts

    def _elements(self, names: dict[str, Any]) -> list[Any] | tuple[Any, ...]:
        try:
            elements = self._each(names)
        except EntityError as error:
            raise EntityError(error.reason, field="each") from None
        if elements is None:
            text = self.config.each.text
            raise EntityError(
                f"{text} is null or missing; write {text} or [] where no list means no parts", field="each"
            )
        if not isinstance(elements, (list, tuple)):
            raise EntityError(f"{self.config.each.text} is not a list but {kind_of(elements)}", field="each")
        return elements

    def _finish(self, part: Entity, names: dict[str, Any]) -> None:
        field = "key"
        try:
            part.key = key_text(self._key(names) if self._key else part.key)
            field = "version"
            if self._version:
                part.version = version_text(self._version(names))
            field = "map"
            if self._map:
                part.value = self._map(names)
            if part.value is None:
                raise EntityError("the part is null")
        except EntityError as error:
            raise EntityError(error.reason, field=f"{field}.{error.field}" if error.field else field) from None

    @classmethod
    def fields_behind(cls, config: Any, before: Fields | None) -> Fields | None:
        made: Fields | None = config.map.makes if config.map is not None else None
        return made
