"""``incoming: {none: {}}``: nothing is fetched; a route's entities come through its inbox."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from airflow_integrations.config.model import Model
from airflow_integrations.incoming import Page
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["NoIncoming"]


class NoIncoming:
    """Asks nobody."""

    class Config(Model):
        """No options: ``none: {}``."""

    def __init__(self, config: Config, route: Route) -> None:
        pass

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        yield Page([])
