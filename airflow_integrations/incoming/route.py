"""``incoming: {route: other_route}``: what another route has fetched, as its source gave it.

The engine reads it itself, from where that route has staged it (``engine.subscription``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from airflow_integrations.incoming import Page
from airflow_integrations.model import RouteName, ShortForm
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services

__all__ = ["RouteIncoming"]


class RouteIncoming:
    """Reads each finished fetch of the other route once."""

    class Config(ShortForm):
        """The records that another route of this instance has fetched, before its transformers: the source is asked
        once, and each route makes of them what it needs. Just the route's name, or these options."""

        short_form: ClassVar[str] = "name"

        name: RouteName
        """The other route."""
        from_: Literal["now", "oldest"] = Field(default="now", alias="from")
        """Where this route begins: ``now``, with what is fetched after it was set up; ``oldest``: also with what is
        still staged of earlier fetches (``retention.payloads`` of the other route)."""

    def __init__(self, config: Config, route: Route) -> None:
        pass

    @staticmethod
    def mistakes(config: Config, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
        """What a route cannot want of another one's fetches."""
        if config.name == route.route:
            yield (), f"{route.route} cannot read its own fetches; name another route"
        if route.missing != "ignore":
            yield (
                (),
                "missing needs a source that gives everything every time, and another route fetches what is new",
            )
        if route.window.slice is not None:
            yield (), "another route's fetches have no window to slice; leave window.slice out"

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        """Nothing: no system is asked."""
        yield Page([])
