"""A flow: one route of a world, with the source that it asks and the target that it sends to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.definition import Route
from simulator.borders.clock import BEGIN
from simulator.flows.promises import Promises
from simulator.flows.route_file import route_of
from simulator.flows.shape import NAME, Shape
from simulator.flows.source import Source
from simulator.flows.target import Target

if TYPE_CHECKING:
    from simulator.world import World

__all__ = ["Flow", "flows_of"]


class Flow:
    """``retried``, ``skipped`` and ``edited`` are keys of which a person did so."""

    def __init__(self, world: World, shape: Shape, source: Source) -> None:
        self.world = world
        self.shape = shape
        self.name = shape.name
        self.source = source
        whose = "" if shape.name == NAME else f"{shape.name}: "
        self.target = Target(
            world.now,
            self._target_fault,
            lambda: world.fault("target is asked"),
            honours=shape.repeatable,
            tell=lambda told: world.tell(whose + told),
        )
        self.promises = Promises(self)
        self.target.watch = self.promises.effect
        self.last_scheduled = BEGIN
        self.retried: set[str] = set()
        self.skipped: set[str] = set()
        self.edited: set[str] = set()

    @property
    def route(self) -> Route:
        return route_of(self.shape)

    @property
    def events_dag(self) -> str:
        """The DAG whose runs take its events."""
        return f"{self.name}__events" if self.shape.events != "no" and self.shape.fetches else self.name

    def rows(self) -> list[Any]:
        """Its entities, as the ledger has them."""
        ledger = self.world.ledger
        rows = ledger.rows(tables.entity)
        if len(self.world.flows) == 1:
            return rows
        number = next((row.id for row in ledger.rows(tables.route) if row.name == self.name), None)
        return [row for row in rows if row.route_id == number]

    def keys_of(self, record: dict[str, Any]) -> list[str]:
        """The entities that its route makes of a record of the source."""
        if self.shape.lines != "split":
            return [record["number"]]
        return [f"{record['number']}|{line['line']}" for line in record["lines"]]

    def unheard(self, key: str) -> bool:
        """Whether an effect on this key may be one that nobody heard of: then states may come again."""
        return key in self.target.unheard or self.world.somebody_died()

    def _target_fault(self, key: str) -> str | None:
        by_key = self.world.fault(f"target answers {key}")
        return self.world.fault("target answers") or by_key


def flows_of(world: World, shape: Shape) -> dict[str, Flow]:
    """All flows of a world by the names of their routes, the one that feeds others first."""
    other = shape.other

    def source_of(asking: Shape) -> Source:
        broken = lambda: world.fault("source answers")  # noqa: E731
        has_customers = asking.beside == "customers"
        return Source(world.now, broken, pages=asking.paging != "none", lines=shape.lines, customers=has_customers)

    if other is None:
        return {NAME: Flow(world, shape, source_of(shape))}
    if shape.beside == "customers":
        customers = Source(world.now, lambda: world.fault("source answers"), pages=other.paging != "none")
        return {other.name: Flow(world, other, customers), NAME: Flow(world, shape, source_of(shape))}
    feed = source_of(other)
    return {other.name: Flow(world, other, feed), NAME: Flow(world, shape, feed)}
