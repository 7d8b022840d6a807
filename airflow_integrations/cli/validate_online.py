"""``validate --online``: what systems that describe themselves say of the routes to them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from airflow_integrations.cli.airflow_access import connections
from airflow_integrations.cli.command import awaited
from airflow_integrations.errors import IntegrationError, Mistake
from airflow_integrations.route.check import stages_of
from airflow_integrations.route_files.load import read_routes
from airflow_integrations.run import Services
from airflow_integrations.simulate.trial import quiet_log

__all__ = ["online_mistakes"]


def online_mistakes(root: Path) -> list[Mistake]:
    """The mistakes that the systems of valid routes find. One that cannot be asked is one of them."""
    return awaited(_online(root))


async def _online(root: Path) -> list[Mistake]:
    """What the systems of valid routes say of them."""
    loaded = read_routes(root).routes.values()
    mistakes: list[Mistake] = []
    async with AsyncExitStack() as stack:
        services: Services | None = None
        for one in loaded:
            for place, stage in stages_of(one.route):
                ask = getattr(stage.component(), "check_online", None)
                if ask is None:
                    continue
                if services is None:  # Airflow is loaded only where somebody is asked
                    services = await stack.enter_async_context(Services(connections(), log=quiet_log()))
                try:
                    found = await ask(stage.config, one.route, services)
                except IntegrationError as error:
                    found = [((), str(error))]
                mistakes += [one.mistake((*place, stage.kind, *inner), text) for inner, text in found]
    return mistakes
