"""The surroundings of a stage."""

from __future__ import annotations

import asyncio

from airflow_integrations.http import Endpoint
from airflow_integrations.run import Services


class Counting:
    asked = 0

    def endpoint(self, connection: str) -> Endpoint:
        self.asked += 1
        return Endpoint(connection, "http://127.0.0.1:9")

    def variable(self, name: str) -> str | None:
        return None


async def test_a_connection_has_one_client_whoever_asks_first() -> None:
    """Two would have twice the pace and twice the connections that the Connection allows."""
    connections = Counting()
    async with Services(connections) as services:
        clients = await asyncio.gather(*(services.client("shop") for _ in range(5)), services.client("erp"))
    assert len({id(client) for client in clients}) == 2
    assert connections.asked == 2
