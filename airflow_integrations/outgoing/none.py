"""``outgoing: {none: {}}``: everything but the sending, for trials."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_integrations.config.model import Model
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["NoOutgoing"]

_NOT_SENT = Result("skipped", reason="outgoing: none")


class NoOutgoing:
    """Sends nothing; every entity ends as skipped."""

    deletes = True

    class Config(Model):
        """No options: ``none: {}``."""

    def __init__(self, config: Config, route: Route) -> None:
        pass

    @property
    def repeatable(self) -> bool:
        return True

    async def open(self, run: Run, services: Services) -> None:
        return None

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        return [_NOT_SENT] * len(batch)

    async def verify(self, outbound: Outbound) -> None:
        """Nothing is ever there, and sending it again does nothing."""

    async def close(self) -> None:
        return None
