"""Costs that a server counts for requests: the next one waits until it can be paid, instead of being refused.

``extensions.cost`` as Shopify has it: https://shopify.dev/docs/api/usage/limits (2026-11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from airflow_integrations.http import Answer, HttpClient, Request
    from airflow_integrations.http.retry import Verdict

__all__ = ["CostedClient", "cost_wait"]

LONGEST = 3600.0


class _Throttle(msgspec.Struct):
    maximumAvailable: float = 0.0
    currentlyAvailable: float = 0.0
    restoreRate: float = 0.0


class _Cost(msgspec.Struct):
    requestedQueryCost: float | None = None
    throttleStatus: _Throttle | None = None


class _Extensions(msgspec.Struct):
    cost: _Cost | None = None


class _Answer(msgspec.Struct):
    extensions: _Extensions | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def cost_wait(content: bytes) -> float:
    """Seconds until a request like the one that was answered can be paid; 0 where it can be, or nothing is told."""
    if b'"throttleStatus"' not in content:
        return 0.0
    try:
        extensions = _decode(content).extensions
    except (ValueError, RecursionError):
        return 0.0
    cost = extensions.cost if extensions else None
    throttle = cost.throttleStatus if cost else None
    if cost is None or throttle is None or not cost.requestedQueryCost or not throttle.restoreRate > 0:
        return 0.0
    wanted = min(cost.requestedQueryCost, throttle.maximumAvailable or cost.requestedQueryCost)
    missing = wanted - throttle.currentlyAvailable
    return min(missing / throttle.restoreRate, LONGEST) if missing > 0 else 0.0


class CostedClient:
    """An HTTP client that lets every request of its Connection wait until the server can be paid for it."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(
        self,
        request: Request,
        *,
        again: Callable[[Answer], bool] | None = None,
        rule: Callable[[Answer], Verdict | None] | None = None,
    ) -> Answer:
        """As :meth:`HttpClient.send`."""

        def priced(answer: Answer) -> Verdict | None:
            wait = cost_wait(answer.content)
            if wait:
                self._client.limits.hold(wait)
            return rule(answer) if rule is not None else None

        return await self._client.send(request, again=again, rule=priced)
