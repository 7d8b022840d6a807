"""The texts of a transform kind: its class, and its conformance test."""

from __future__ import annotations

from string import Template

__all__ = ["CODE", "TESTS"]

CODE = Template('''\
"""``transform: [{$name: …}]``: …"""

from __future__ import annotations

from typing import Any

from airflow_integrations.kinds import Entity, Fates, Model, Place, TransformerBase

__all__ = ["$cls"]


class $cls(TransformerBase):
    """Adds a field to each entity."""

    class Config(Model):
        field: str
        """The field that is added.

        Example: ``field: source``
        """
        value: str
        """Its value.

        Example: ``value: shop``
        """

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        going_on = []
        for entity in batch:
            if isinstance(entity.value, dict):
                entity.value = {**entity.value, self.config.field: self.config.value}
                going_on.append(entity)
            else:
                fates.rejected(entity, f"{self.place}: the entity is not an object")
        return going_on
''')

TESTS = Template('''\
"""What every transform kind has to keep to."""

import pytest

from airflow_integrations.kinds import Step, TransformerSuite


class Test$cls(TransformerSuite):
    @pytest.fixture
    def step(self):
        return Step(
            kind="$name",
            config={"field": "source", "value": "shop"},
            entities=[{"id": 1}, {"id": 2}],
            expected=[{"id": 1, "source": "shop"}, {"id": 2, "source": "shop"}],
        )
''')
