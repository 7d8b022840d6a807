"""``incoming: {route: other_route}``: what another route has fetched, as its source gave it.

The engine reads it itself, from where that route has staged it (``engine.subscription``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from airflow_integrations.config.model import ShortForm
from airflow_integrations.config.types import ConnectionId, RouteName
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.details import Details, DetailsCompleter, deletion_mistakes
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["RouteIncoming"]


class RouteDetails(Details):
    """One request for each record that another route has fetched."""

    without_list: ClassVar[bool] = True

    connection: ConnectionId
    """The Airflow Connection of the system that is asked.

    Example: ``connection: shop``
    """


class RouteIncoming:
    """Reads each finished fetch of the other route once."""

    class Config(ShortForm):
        """The records that another route of this instance has fetched, before its transformers: the source is asked
        once, and each route makes of them what it needs. Just the route's name, or these options."""

        short_form: ClassVar[str] = "name"

        name: RouteName
        """The other route.

        Example: ``name: shop_orders``
        """
        details: RouteDetails | None = None
        """A request for each record of the other route, where that says little more than which it is. ``item`` is the
        record.

        Example: ``details: {connection: shop, path: "/orders/{{ item.id }}", record: body.order}``
        """
        what: Literal["records", "acknowledgements"] = "records"
        """What is read: its ``records``; or ``acknowledgements``, of the interchanges of EDIFACT or X12 that the other
        route has read from files: what each sender is answered, as segments of CONTRL or 997.

        Example: ``what: acknowledgements``
        Since: 0.2
        """
        from_: Literal["now", "oldest"] = Field(default="now", alias="from")
        """Where this route begins: ``now``, with what is fetched after it was set up; ``oldest``: also with what is
        still staged of earlier fetches (``retention.payloads`` of the other route), or with the acknowledgements of 30
        days.

        Example: ``from: oldest``
        """

    def __init__(self, config: Config, route: Route) -> None:
        self.config = config

    async def completer(self, run: Run, services: Services, *, events: bool) -> DetailsCompleter | None:
        """Who asks for the whole of what the other route has fetched, or of what ``events`` bring."""
        details = self.config.details
        if details is None or (events and not details.events):
            return None
        client = await services.client(details.connection)
        return DetailsCompleter(details, client, services.base_names(run))

    @staticmethod
    def mistakes(config: Config, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
        """What a route cannot want of another one's fetches."""
        if config.details is not None:
            yield from deletion_mistakes(config.details, route)
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
