"""What is in the demo's Shopify: customers, paid orders, stock. Deterministic but for the times."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from airflow_integrations.demo.shop_data import ShopData
from airflow_integrations.window import rfc3339

__all__ = ["LOCATION", "Store"]

LOCATION = "gid://shopify/Location/1"
_FILTER = re.compile(r"(\w+):(>=|<=|>|<|)(?:'([^']*)'|\"([^\"]*)\"|(\S+))")


def _gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


@dataclass
class Store:
    """``pay`` makes a paid order, of a new customer each second time."""

    seed: int = 1
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    paid_at: dict[str, float] = field(default_factory=dict)
    """By order name, when it was paid: seconds since the epoch."""
    available: dict[str, int] = field(default_factory=dict)
    """By SKU, what the shop can sell."""

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - it makes up demo data, not secrets
        self._people = ShopData(seed=self.seed, start=datetime(2026, 1, 1, tzinfo=UTC), history=0)
        self.items = {sku: _gid("InventoryItem", 40_000 + place) for place, sku in enumerate(self._people.skus)}

    def pay(self) -> tuple[dict[str, Any], bool]:
        """The new order, and whether its customer is new."""
        now = datetime.now(UTC)
        known = list(self.customers.values())
        new = not known or self._rng.random() < 0.5
        customer = self._customer(now) if new else self._rng.choice(known)
        number = 5_940_139_491_000 + len(self.orders)
        skus = self._rng.sample(self._people.skus, self._rng.choice((1, 2, 3, 4, 12)))
        lines = [self._line(number, place, sku) for place, sku in enumerate(skus)]
        total = sum((Decimal(line["price"]) * line["quantity"] for line in lines), Decimal(0))
        order: dict[str, Any] = {
            "id": _gid("Order", number),
            "legacyResourceId": str(number),
            "name": f"#{1001 + len(self.orders)}",
            "createdAt": rfc3339(now),
            "updatedAt": rfc3339(now),
            "displayFinancialStatus": "PAID",
            "currencyCode": "EUR",
            "totalPriceSet": _money(total),
            "customer": customer,
            "lines": lines,
        }
        self.orders[order["id"]] = order
        self.paid_at[order["name"]] = time.time()
        return order, new

    def _customer(self, now: datetime) -> dict[str, Any]:
        number = 7_600_000_000_000 + len(self.customers)
        person = self._people.customers[len(self.customers) % len(self._people.customers)]
        first, _, last = person["name"].partition(" ")
        address = person["address"]
        customer = {
            "id": _gid("Customer", number),
            "legacyResourceId": str(number),
            "displayName": person["name"],
            "firstName": first,
            "lastName": last,
            "createdAt": rfc3339(now),
            "updatedAt": rfc3339(now),
            "defaultEmailAddress": {"emailAddress": person["email"]},
            "defaultAddress": {
                "address1": address["street"],
                "zip": address["postcode"],
                "city": address["city"],
                "countryCodeV2": address["country"],
            },
        }
        self.customers[customer["id"]] = customer
        return customer

    def _line(self, order: int, place: int, sku: str) -> dict[str, Any]:
        price = Decimal(self._rng.randint(99, 24_999)) / 100
        return {
            "id": _gid("LineItem", order * 100 + place),
            "sku": sku,
            "name": sku.title(),
            "quantity": self._rng.randint(1, 5),
            "price": str(price),
            "originalUnitPriceSet": _money(price),
        }

    def found(self, kind: str, query: str | None, after: str | None) -> list[dict[str, Any]]:
        """Orders or customers by the search syntax, the least recently changed first; what comes after a cursor."""
        records: list[dict[str, Any]] = list((self.orders if kind == "orders" else self.customers).values())
        for name, comparison, *values in _FILTER.findall(query or ""):
            value = next((each for each in values if each), "")
            if name == "updated_at":
                moment = datetime.fromisoformat(value)
                records = [
                    each for each in records if _holds(datetime.fromisoformat(each["updatedAt"]), comparison, moment)
                ]
        records.sort(key=lambda each: (each["updatedAt"], each["id"]))
        return [each for each in records if after is None or (each["updatedAt"], each["id"]) > _place(after)]

    def stock_items(self, query: str | None) -> list[dict[str, Any]]:
        wanted = [
            next((each for each in values if each), "")
            for name, _, *values in _FILTER.findall(query or "")
            if name == "sku"
        ]
        return [
            {"id": gid, "sku": sku, "tracked": True} for sku, gid in self.items.items() if not wanted or sku in wanted
        ]

    def truth(self) -> dict[str, Any]:
        """What a checker has to know."""
        return {
            "orders": [
                {
                    "id": order["id"],
                    "name": order["name"],
                    "total": order["totalPriceSet"]["shopMoney"]["amount"],
                    "paid_at": self.paid_at[order["name"]],
                    "customer": order["customer"]["legacyResourceId"],
                }
                for order in self.orders.values()
            ],
            "available": self.available,
        }


def _money(amount: Decimal) -> dict[str, Any]:
    money = {"amount": str(amount.quantize(Decimal("0.01"))), "currencyCode": "EUR"}
    return {"shopMoney": money, "presentmentMoney": money}


def _holds(value: datetime, comparison: str, other: datetime) -> bool:
    return {">=": value >= other, "<=": value <= other, ">": value > other, "<": value < other}.get(
        comparison, value == other
    )


def _place(cursor: str) -> tuple[str, str]:
    at, _, identity = cursor.partition(" ")
    return at, identity
