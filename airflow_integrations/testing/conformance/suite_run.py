"""A small route around the one kind that a conformance suite looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.simulate.params import route_params
from airflow_integrations.simulate.replay import Recording, ReplayServices
from airflow_integrations.window import Window

__all__ = ["WINDOW", "OneKind", "offline"]

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def offline() -> Services:
    """Services for a kind that talks to nobody."""
    return ReplayServices(Recording())


@dataclass(kw_only=True)
class OneKind:
    """What every suite needs to know of a kind. The kind's name must be registered: built in, or an entry point."""

    kind: str
    """As a route file writes it."""
    config: Any
    """Its options, as a route file writes them."""
    free_form: bool = False
    """Whether the options are names of the author's choice, as with ``map``: then there are no unknown ones."""
    services: Callable[[], Services] = offline
    """Surroundings for one run: Connections, and a system that begins anew. Called inside the event loop."""
    window: Window = WINDOW
    route: Mapping[str, Any] = field(default_factory=dict)
    """More of the route that the kind needs: params, delivery, other steps."""
    folder: Folder | None = None
    """Where files are that the configuration names."""
    entity: str = "entity"
    """What expressions call an entity; its key is ``<entity>.id``."""

    part: str = field(init=False, default="")

    def load(self, *, extra: Mapping[str, Any] | None = None) -> Route:
        """The route, with ``extra`` among the kind's own options. Raises pydantic's ValidationError."""
        definition: dict[str, Any] = {
            "route": "suite",
            "entity": {"name": self.entity, "key": f"{self.entity}.id"},
            "incoming": {"http": {"connection": "nowhere", "path": "/", "records": "body"}},
            "outgoing": {"none": {}},
            **self.route,
        }
        stage = {self.kind: {**self.config, **extra} if extra else self.config}
        definition[self.part] = [stage] if self.part == "transform" else stage
        return Route.load(definition, folder=self.folder)

    def run(self, route: Route | None = None) -> Run:
        route = route or self.load()
        return Run(route, "suite", self.window, params=route_params(route, {}))
