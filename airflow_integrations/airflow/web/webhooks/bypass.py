"""Webhooks past Airflow's layers: they see nothing of what those are for, and pay three times their own cost for it.

Airflow's API server puts its access log, compression and the renewal of cookies around every application. For a webhook
that is 1 ms of processor time where the whole way into the inbox takes 0.3 ms (``python -m bench ingest``). So its
requests go to the application before those layers, unless ``[integrations] webhook_access_log`` is set.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ShortCut", "take_short_cut"]

MOUNTED = "/integrations/hooks"

log = logging.getLogger("airflow_integrations")


class ShortCut:
    """In front of all layers of an application: ``hooks`` gets what it would get behind them."""

    def __init__(self, layers: ASGIApp, hooks: ASGIApp) -> None:
        self._layers = layers
        self._hooks = hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root: str = scope.get("root_path", "")
        if scope["type"] == "http" and scope["path"].removeprefix(root).startswith(f"{MOUNTED}/"):
            await self._hooks({**scope, "root_path": root + MOUNTED}, receive, send)
        else:
            await self._layers(scope, receive, send)


def take_short_cut(airflow: Any, hooks: ASGIApp) -> bool:
    """Put the short cut into Airflow's application, which is serving. Whether that was possible: the attribute is
    Starlette's; without it everything takes the long way."""
    layers = getattr(airflow, "middleware_stack", None)
    if layers is None:
        log.info("webhooks take the way through Airflow's layers: this version of Starlette shows no other")
        return False
    if not isinstance(layers, ShortCut):
        airflow.middleware_stack = ShortCut(layers, hooks)
    return True
