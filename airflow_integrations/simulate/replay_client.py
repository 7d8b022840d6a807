"""The real HTTP client over a network in memory. In a file of its own: it imports aiohttp."""

from __future__ import annotations

from typing import Any, Self

import aiohttp
from yarl import URL

from airflow_integrations.http import Endpoint, HttpClient
from airflow_integrations.http.wire.session import Session
from airflow_integrations.simulate.memory_network import Handler, MemoryConnector

__all__ = ["ReplayClient"]


class ReplayClient(HttpClient):
    """Retries, limits, redirects and decoding are the real ones; ``handler`` stands for the other system."""

    def __init__(self, endpoint: Endpoint, handler: Handler, **surroundings: Any) -> None:
        super().__init__(endpoint, **surroundings)
        self._handler = handler

    async def __aenter__(self) -> Self:
        headers = dict(self.endpoint.headers)
        timeout = aiohttp.ClientTimeout()
        whole = aiohttp.ClientSession(
            connector=MemoryConnector(self._handler),
            headers=headers,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self._session = Session(whole, URL(self.endpoint.base_url), headers, timeout=timeout, plain=True)
        return self
