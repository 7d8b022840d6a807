"""The demo shop's products, customers and orders: a pure function of a seed, a start and the clock.

Two shops with the same seed and start tell the same story, so a checker can ask for the truth at any time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from airflow_integrations.window import rfc3339

__all__ = ["EU", "Order", "ShopData"]

COUNTED_EVERY: Final = 10
"""Minutes from one count of an item to the next."""

# fmt: off
EU: Final = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})
# fmt: on
"""ISO 3166 codes of the member states of the European Union."""

_PLACES: Final = (
    # country, city, postcode; every second one in the EU at least, big neighbours outside it
    ("ES", "Madrid", "28013"), ("DE", "Köln", "50667"), ("GB", "Leeds", "LS1 4DY"), ("FR", "Lyon", "69002"),
    ("CH", "Zürich", "8001"), ("IT", "Torino", "10121"), ("NL", "Utrecht", "3511 LN"), ("NO", "Bergen", "5003"),
    ("PL", "Łódź", "90-001"), ("US", "Portland", "97205"), ("PT", "Porto", "4000-322"), ("IE", "Cork", "T12 W7CV"),
    ("SE", "Malmö", "211 22"), ("TR", "İzmir", "35250"), ("AT", "Graz", "8010"), ("GR", "Πάτρα", "262 21"),
    ("CZ", "Brno", "602 00"), ("UA", "Львів", "79000"), ("DK", "Aarhus", "8000"), ("BE", "Gent", "9000"),
)  # fmt: skip
_FIRST: Final = (
    "Ana",
    "Björn",
    "Chloé",
    "Dimitra",
    "Emre",
    "Fatima",
    "Grzegorz",
    "Hanna",
    "Inés",
    "João",
    "Kateřina",
    "Liam",
)
_LAST: Final = (
    "Álvarez",
    "Berg",
    "Costa",
    "Dvořák",
    "Evans",
    "Fischer",
    "García",
    "Hansen",
    "Ivanova",
    "Jansen",
    "Kowalska",
)
_STREETS: Final = (
    "Calle Mayor",
    "Hauptstraße",
    "Rue des Lilas",
    "Via Roma",
    "Kerkstraat",
    "Station Road",
    "Ulica Długa",
)
_GOODS: Final = (
    "Mug",
    "Desk lamp",
    "Notebook",
    "Backpack",
    "Water bottle",
    "Headphones",
    "Keyboard",
    "Plant pot",
    "Blanket",
    "Kettle",
)
_COLOURS: Final = ("white", "black", "green", "blue")


@dataclass(frozen=True, slots=True)
class Order:
    """One order through its life. Its state is asked for a moment; before ``created`` it does not exist."""

    number: str
    created: datetime
    status: str
    """What it is from the start, or until ``settled``."""
    settled: datetime | None
    """When a pending order is paid."""
    customer: dict[str, Any]
    lines: tuple[dict[str, Any], ...]
    total: Decimal

    def updated(self, now: datetime) -> datetime:
        return self.settled if self.settled and self.settled <= now else self.created

    def status_at(self, now: datetime) -> str:
        return "paid" if self.settled and self.settled <= now else self.status

    def document(self, now: datetime) -> dict[str, Any]:
        """The order as the shop's API shows it."""
        return {
            "number": self.number,
            "status": self.status_at(now),
            "created_at": rfc3339(self.created),
            "updated_at": rfc3339(self.updated(now)),
            "currency": "EUR",
            "customer": self.customer,
            "lines": self.lines,
            "total": str(self.total),
            "note": None,
        }

    def truth(self, now: datetime) -> dict[str, Any]:
        """What a checker has to know of it."""
        country = self.customer["address"]["country"]
        return {
            "number": self.number,
            "status": self.status_at(now),
            "updated_at": rfc3339(self.updated(now)),
            "country": country,
            "eu": country in EU,
            "total": str(self.total),
        }


class ShopData:
    """``history`` orders in the ``days`` before ``start``, then one every ``every`` for as long as the clock runs."""

    def __init__(
        self,
        *,
        seed: int,
        start: datetime,
        history: int = 600,
        days: float = 3,
        every: timedelta = timedelta(seconds=3),
        customers: int = 120,
    ) -> None:
        self.seed, self.start, self.history, self.every = seed, start.replace(microsecond=0), history, every
        self.spacing = timedelta(days=days) / max(history, 1)
        self.customers = [self._customer(index) for index in range(customers)]
        self.skus = [
            f"{name[:3].upper()}-{colour[:3].upper()}-{size}" for name in _GOODS for colour in _COLOURS for size in "SL"
        ]
        self._orders: list[Order] = []

    def _random(self, *of: object) -> random.Random:
        return random.Random(f"{self.seed}:{of}")  # noqa: S311 - it makes up demo data, not secrets

    def _customer(self, index: int) -> dict[str, Any]:
        rng = self._random("customer", index)
        country, city, postcode = _PLACES[index % len(_PLACES)]
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        return {
            "id": 90_000_000_000_000_000 + index,  # above 2**53: what a float would round
            "name": f"{first} {last}",
            "email": f"customer{index}@example.org",
            "address": {
                "street": f"{rng.choice(_STREETS)} {rng.randint(1, 180)}",
                "postcode": postcode,
                "city": city,
                "country": country,
            },
        }

    def _created(self, index: int) -> datetime:
        if index < self.history:
            moment = self.start - self.spacing * (self.history - index)
        else:
            moment = self.start + self.every * (index - self.history + 1)
        return moment.replace(microsecond=0)

    def _order(self, index: int) -> Order:
        rng = self._random("order", index)
        created = self._created(index)
        lines, total = [], Decimal(0)
        for sku in rng.sample(self.skus, rng.randint(1, 4)):
            price, quantity = Decimal(rng.randint(99, 24_999)) / 100, rng.randint(1, 5)
            total += price * quantity
            # The shop is old: it writes most prices as text, some as JSON numbers. Both are exact here.
            lines.append({"sku": sku, "qty": quantity, "price": price if rng.random() < 0.25 else str(price)})
        status = rng.choices(("paid", "pending", "cancelled", "refunded"), (72, 14, 8, 6))[0]
        settled = (
            created + timedelta(seconds=rng.randint(20, 240)) if status == "pending" and rng.random() < 0.7 else None
        )
        return Order(
            f"SO-{100_000 + index}",
            created,
            status,
            settled,
            rng.choice(self.customers),
            tuple(lines),
            total.quantize(Decimal("0.01")),
        )

    def orders(self, now: datetime) -> list[Order]:
        """All orders there are at a moment, oldest first."""
        while self._created(len(self._orders)) <= now:
            self._orders.append(self._order(len(self._orders)))
        visible = len(self._orders)
        while visible and self._orders[visible - 1].created > now:  # a caller may ask for the past
            visible -= 1
        return self._orders[:visible]

    def stock(self, now: datetime) -> list[dict[str, Any]]:
        """What is on the shelf. An item is counted every ten minutes, each minute another tenth of them."""
        minute = now.replace(second=0, microsecond=0)
        since_epoch = int(minute.timestamp()) // 60
        items = []
        for position, sku in enumerate(self.skus):
            counted = minute - timedelta(minutes=(since_epoch - position) % COUNTED_EVERY)
            items.append(
                {
                    "sku": sku,
                    "quantity": self._random("stock", sku, counted.isoformat()).randint(0, 400),
                    "warehouse": "MAD-1" if position % 3 else "RTM-2",
                    "counted_at": rfc3339(counted),
                }
            )
        return items
