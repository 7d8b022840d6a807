"""The ASGI application that the plugin gives Airflow: it is built in the API server, when the first request comes."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["LazyApp"]


class LazyApp:
    """Every component of Airflow loads the plugin; only the API server pays for what is behind it."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._building = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:  # in a thread: it imports for a second, and Airflow's own requests go on
            app = await asyncio.to_thread(self._built, scope.get("app"))
        await app(scope, receive, send)

    def _built(self, airflow: Any) -> ASGIApp:
        if self._app is None:
            with self._building:
                if self._app is None:
                    from airflow_integrations.airflow.web.app import build_app

                    self._app = build_app(airflow)
        return self._app
