"""The texts of an outgoing kind: its class, and its conformance test."""

from __future__ import annotations

from string import Template

__all__ = ["CODE", "TESTS"]

CODE = Template('''\
"""``outgoing: {$name: …}``: deliver entities to …"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from airflow_integrations.kinds import ConnectionId, HttpClient, Model, Outbound, Request, Result, Route, Run, Services

__all__ = ["$cls"]


class $cls:
    """Puts each entity under its key. The HTTP client retries what may pass, and raises what the engine has to know:
    OutageError, SetupError, UnknownOutcome."""

    class Config(Model):
        connection: ConnectionId
        """The Connection of the target.

        Example: ``connection: $name``
        """
        path: str = "/items"
        """An entity is put to ``<path>/<key>``.

        Example: ``path: /customers``
        """

    def __init__(self, config: Config, route: Route) -> None:
        self.config = config
        self._client: HttpClient | None = None

    @property
    def repeatable(self) -> bool:
        return True  # to PUT the same entity twice does no harm

    async def open(self, run: Run, services: Services) -> None:
        self._client = await services.client(self.config.connection)

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        return [await self._put(outbound) for outbound in batch]

    async def _put(self, outbound: Outbound) -> Result:
        assert self._client is not None, "open() comes before send()"
        path = f"{self.config.path}/{quote(outbound.key, safe='')}"
        request = Request("PUT", path, body=outbound.encoded, content_type="application/json")
        response = await self._client.send(request)
        if response.status < 300:
            return Result("delivered", target_id=outbound.key, http_status=response.status)
        return Result("failed", reason=response.excerpt(), http_status=response.status, cause="refused")

    async def close(self) -> None:
        self._client = None
''')

TESTS = Template('''\
"""What every outgoing kind has to keep to."""

import pytest

from airflow_integrations.kinds import OutgoingSuite, ReplayServices, Target

ENTITIES = [{"id": number} for number in range(3)]
RESPONSES = [
    {"to": {"method": "PUT", "path": "/items/666"}, "status": 422, "body": {"message": "no such customer"}},
    *({"to": {"method": "PUT", "path": f"/items/{entity['id']}"}, "body": {}} for entity in ENTITIES),
]
AWAY = [{"to": {"method": "PUT"}, "status": 503}]


class Test$cls(OutgoingSuite):
    @pytest.fixture
    def target(self):
        return Target(
            kind="$name",
            config={"connection": "target"},
            entities=ENTITIES,
            refused={"id": 666},
            services=lambda: ReplayServices.of({"target": RESPONSES}),
            away=lambda: ReplayServices.of({"target": AWAY}),
        )
''')
