"""``filter``: which entities the route wants."""

from __future__ import annotations

from typing import Annotated, Any

from airflow_integrations.config.model import RootConfig
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.transform import Place
from airflow_integrations.transform.missing_values import Doubt, missing_field
from airflow_integrations.transform.per_entity import EachEntity

__all__ = ["Filter"]


class Filter(EachEntity):
    """Keeps the entities for which the expression is true.

    It must give true or false. What is not there is neither: where the expression compares a missing field that it has
    not tested, or gives null, the entity is rejected instead of vanishing among the unwanted.
    """

    keeps_fields = True
    only_own_key = True

    class Config(RootConfig[Annotated[Expression, Sees("entity")]]):
        """True for the entities that go on, such as ``order.status == "paid"``.

        Example: ``order.status == "paid"``
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._wanted = config.root.compile()
        self._doubt = Doubt(config.root)

    def step(self, entity: Entity, names: dict[str, Any]) -> bool:
        wanted = self._wanted(names)
        if self._doubt.possible(names):
            self._doubt.check(names)
        if wanted is True:
            return True
        if wanted is False:
            return False
        raise EntityError(self._neither(wanted, names))

    def _neither(self, wanted: Any, names: dict[str, Any]) -> str:
        text = self.config.root.text
        if wanted is None:
            field = missing_field(self.config.root.fields, names) or text
            return f"{field} is null or missing: test for it, such as {field} is not None and …"
        return f"{text} gave {_described(wanted)}, neither true nor false: compare it, such as … > 0 or … is not None"


def _described(value: Any) -> str:
    kinds: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
