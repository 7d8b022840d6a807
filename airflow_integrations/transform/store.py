"""``store``: keep a value under a key, for later entities and for other routes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Sees, Structure
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.payloads import masked
from airflow_integrations.run import Run, Services, entity_names
from airflow_integrations.transform import Fates, FoundMistakes, Place, TransformerBase
from airflow_integrations.transform.lookup.delivered import read_key

if TYPE_CHECKING:
    from airflow_integrations.ledger.store import NewValue
    from airflow_integrations.route.definition import Route

__all__ = ["Store"]


class Store(TransformerBase):
    """Writes a value of each entity into a store of the ledger, where lookups and people find it.

    It is written when the entity comes to this step, before it is delivered; what comes through transform twice writes
    the same twice. A value of an older version of the entity does not overwrite that of a newer one.
    """

    keeps_fields = True

    class Config(Model):
        """The store, the key and the value.

        Example:
            name: codes
            key: order.sku
            set: {code: order.erp_code, unit: order.unit}
        """

        name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]
        """The store: one for all routes that name it.

        Example: ``name: codes``
        """
        key: Annotated[Expression, Sees("entity")]
        """What the value is found by: a text or number; several in a list are joined by ``|``.

        Example: ``key: order.sku``
        """
        set: Annotated[Structure, Sees("entity")]
        """The value, in the grammar of ``map``; at most 16 KiB as JSON.

        Example: ``set: {code: order.erp_code, unit: order.unit}``
        """
        keep: Duration | None = None
        """How long a value is kept after it was last written. Left out: until a person removes it.

        Example: ``keep: 90d``
        """

        @field_validator("keep")
        @classmethod
        def _some_time(cls, keep: timedelta | None) -> timedelta | None:
            if keep is not None and keep.total_seconds() <= 0:
                raise ValueError("keep is more than nothing, such as 90d")
            return keep

    def __init__(self, config: Any, place: Place) -> None:
        super().__init__(config, place)
        self._key = config.key.compile()
        self._set = config.set.compile()

    async def open(self, run: Run, services: Services) -> None:
        await super().open(run, services)
        self._run = run
        self._services = services
        route = run.route
        self._mask = Mask(getattr(route, "mask", ()), entity=self.place.entity)

    async def apply(self, batch: list[Entity], fates: Fates) -> list[Entity]:
        from airflow_integrations.ledger.store import write_values  # a DAG file loads no database

        values: list[NewValue] = []
        going_on = []
        for entity in batch:
            names = entity_names(self.base, self.place.entity, entity)
            self.watch.see(names)
            try:
                values.append(self._value(entity, names))
            except EntityError as error:
                self.reject(entity, error, fates)
            else:
                going_on.append(entity)
        if values and not self._run.dry_run:
            keep = self.config.keep
            await asyncio.to_thread(
                write_values,
                self._services.ledger,
                self.config.name,
                values,
                route=self._run.route.route,
                run_id=self._run.run_id,
                now=self._services.now(),
                keep=None if keep is None else keep.total_seconds(),
            )
        return going_on

    def _value(self, entity: Entity, names: dict[str, Any]) -> NewValue:
        from airflow_integrations.ledger.store import LARGEST, NewValue

        key = read_key(self._key(names))
        if key is None:
            raise EntityError(f"{self.config.key.text} is null or missing: a value is stored under a key", field="key")
        try:
            made = self._set(names)
        except EntityError as error:
            raise EntityError(error.reason, field=f"set.{error.field}" if error.field else "set") from None
        try:
            content = encode(made)
        except NOT_JSON as error:
            raise EntityError(why_not_json(error, made), field="set") from None
        if len(content) > LARGEST:
            raise EntityError(f"the value has {len(content)} bytes; a store takes at most {LARGEST}", field="set")
        shown = None
        if self._mask:
            (told, *_), _ = masked(self._mask, content, encode(entity.source), encode(entity.value))
            shown = told if told != content else None
        return NewValue(key, content, shown, entity.version)

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> FoundMistakes:
        """A value that is made of what the store has is another one each time transform starts over."""
        for stage in route.transform:
            if stage.config is config:
                return
            if stage.kind == "lookup" and getattr(stage.config, "store", None) == config.name:
                name = stage.config.name
                for option in ("key", "set"):
                    if name not in getattr(config, option).names:
                        continue
                    text = f"{name} is what the store {config.name} had: transform starts over after a kill, and would"
                    yield (option,), f"{text} make another value of it each time. Store what the entity says"
