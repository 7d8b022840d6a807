"""The maintenance of a world: the engine's own upkeep, with the routes of the world in the place of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_integrations.engine.upkeep import Wanted, keep_up
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import LoadedRoute, RouteFiles

if TYPE_CHECKING:
    from simulator.flows.flow import Flow
    from simulator.world import World

__all__ = ["tidy"]


class _Known:
    """The routes of a world, as those of a folder."""

    complete = True
    folders = ()

    def __init__(self, flows: dict[str, Flow]) -> None:
        self._flows = flows

    def one(self, name: str) -> Route:
        return self._flows[name].route

    def all(self) -> RouteFiles:
        none: Any = None  # nobody asks for the file of a route, or for the places in it
        return RouteFiles({name: LoadedRoute(flow.route, none, "", (), none) for name, flow in self._flows.items()}, ())


async def tidy(world: World, services: Any) -> Wanted:
    """Raises what the upkeep raises. It forgets where retention is short enough for a world."""

    def closed(lapsed: Any, balance: Any) -> None:
        world.tell(f"the maintenance closes the books of {lapsed.run.run_id}")
        world.invariants.books(lapsed.run.run_id, balance)

    async with services:
        thoroughly = any(flow.shape.forgets for flow in world.flows.values())
        known = _Known(world.flows)
        return await keep_up(services, known, world.base, services.now(), thoroughly=thoroughly, closed=closed)
