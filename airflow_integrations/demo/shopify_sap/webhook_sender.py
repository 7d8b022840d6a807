"""Sends webhooks as Shopify does: signed, at least once, in no order.

https://shopify.dev/docs/apps/build/webhooks/delivery-structure and …/verify-deliveries (2026-11): the body is the
resource as the REST API shows it; ``X-Shopify-Hmac-Sha256`` is its HMAC-SHA256 in base64. What gets no 2xx within 5
seconds is sent again.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import random
import uuid
from typing import Any

import aiohttp

from airflow_integrations.formats.json import encode
from airflow_integrations.window import rfc3339

__all__ = ["WebhookSender", "rest_customer", "rest_order"]

ANSWER_SECONDS = 5.0
AGAIN_SECONDS = 0.3
"""Shopify's pauses are longer: 8 attempts in 4 hours."""
MOST_ATTEMPTS = 1_000


class WebhookSender:
    """Posts to ``url``, signed with ``secret``. ``unruly`` sends everything twice, and late by chance."""

    def __init__(self, url: str, secret: str, *, version: str, seed: int = 1) -> None:
        self.url, self.version, self.unruly = url, version, False
        self._secret = secret.encode()
        self._rng = random.Random(seed)  # noqa: S311 - chance delays
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.sent = 0
        self.given_up = 0

    def send(self, topics: list[tuple[str, dict[str, Any]]], now: Any) -> None:
        """One event of the shop, told in these topics."""
        event_id = str(uuid.uuid4())
        for topic, body in topics:
            headers = {
                "X-Shopify-Topic": topic,
                "X-Shopify-Shop-Domain": "demo.myshopify.com",
                "X-Shopify-API-Version": self.version,
                "X-Shopify-Webhook-Id": str(uuid.uuid4()),
                "X-Shopify-Event-Id": event_id,
                "X-Shopify-Triggered-At": rfc3339(now),
            }
            for _ in range(2 if self.unruly else 1):
                delay = self._rng.uniform(0, 1) if self.unruly else 0.0
                task = asyncio.create_task(self._deliver(encode(body), headers, delay))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    async def finish(self) -> None:
        """Wait until all that is under way is taken, or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, body: bytes, headers: dict[str, str], delay: float) -> None:
        await asyncio.sleep(delay)
        digest = hmac.new(self._secret, body, "sha256").digest()
        signed = {
            **headers,
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "Content-Type": "application/json",
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        for _ in range(MOST_ATTEMPTS):
            try:
                async with self._session.post(self.url, data=body, headers=signed) as answer:
                    if answer.status < 300:
                        self.sent += 1
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(AGAIN_SECONDS)
        self.given_up += 1


def rest_customer(customer: dict[str, Any]) -> dict[str, Any]:
    """A customer as webhooks show it."""
    return {
        "id": int(customer["legacyResourceId"]),
        "admin_graphql_api_id": customer["id"],
        "first_name": customer["firstName"],
        "last_name": customer["lastName"],
        "email": customer["defaultEmailAddress"]["emailAddress"],
        "created_at": customer["createdAt"],
        "updated_at": customer["updatedAt"],
    }


def rest_order(order: dict[str, Any]) -> dict[str, Any]:
    """An order as webhooks show it."""
    return {
        "id": int(order["legacyResourceId"]),
        "admin_graphql_api_id": order["id"],
        "name": order["name"],
        "created_at": order["createdAt"],
        "updated_at": order["updatedAt"],
        "financial_status": order["displayFinancialStatus"].lower(),
        "currency": order["currencyCode"],
        "total_price": order["totalPriceSet"]["shopMoney"]["amount"],
        "customer": rest_customer(order["customer"]),
        "line_items": [
            {"sku": line["sku"], "quantity": line["quantity"], "price": line["price"]} for line in order["lines"]
        ],
    }
