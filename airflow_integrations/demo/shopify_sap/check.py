"""The reference scenario as a check: a payment in Shopify is known to SAP as a sales order within seconds, its customer
first, and nothing is ever doubled or lost.

Real processes and real HTTP, with the processes of ``worker`` or in a real Airflow. What is measured is from the
payment to the order's creation in SAP.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from airflow_integrations.demo.check import ledger_faults
from airflow_integrations.demo.shopify_sap.carriers import Carrier, Workers
from airflow_integrations.demo.shopify_sap.room import CUSTOMERS, ORDERS, STOCK, Room
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs

__all__ = ["POINTS", "Figures", "Report", "check", "faults_of", "live_through"]

POINTS = 1000
"""Shopify's points a second: the plan Shopify Plus. The standard plan does not carry 10 orders a second."""
ORDERS_PAID = (8, 30, 42)
"""In the three phases."""
AWAY = 3.0
"""Seconds for which SAP is away in the storm."""
THROTTLED = 3
"""Queries that Shopify throttles in the storm, two times."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds from payment to sales order, of one phase."""

    phase: str
    orders: int
    p50: float
    p95: float
    longest: float

    @classmethod
    def of(cls, phase: str, seconds: Sequence[float]) -> Figures:
        if len(seconds) < 2:
            raise ValueError("two orders at least")
        cuts = statistics.quantiles(seconds, n=20, method="inclusive")
        return cls(phase, len(seconds), statistics.median(seconds), cuts[18], max(seconds))

    def __str__(self) -> str:
        return (
            f"{self.phase}: {self.orders} orders, p50 {self.p50 * 1000:.0f} ms, p95 {self.p95 * 1000:.0f} ms, "
            f"longest {self.longest * 1000:.0f} ms"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """``faults`` is empty when all is well."""

    figures: tuple[Figures, ...]
    throttled: int
    faults: tuple[str, ...]


def check(home: Path, routes: Path, *, timeout: float = 120) -> Report:
    """Live through the scenario in ``home``, an empty folder, without Airflow. Raises RoomError, ProcessDied and
    RestError."""
    with Room(home, routes, points=POINTS) as room:
        return live_through(room, Workers(room), timeout=timeout)


def live_through(room: Room, carrier: Carrier, *, timeout: float, orders: tuple[int, int, int] = ORDERS_PAID) -> Report:
    """The scenario in a room where both systems answer. ``timeout``: seconds for each thing that is waited for;
    ``orders``: those of the three phases. Raises RoomError, ProcessDied and RestError."""
    quiet, busy, storm = orders
    carrier.start(timeout)
    _arrive(room, _pay(room, 1, 0), timeout)  # all is imported and connected then
    phases = {f"one each {_PAUSE:g} s": _pay(room, quiet, _PAUSE)}
    _arrive(room, [*phases.values()][-1], timeout)
    phases["10 a second"] = _pay(room, busy, 0.1)
    _arrive(room, [*phases.values()][-1], timeout)
    phases[_WRONG] = _storm(room, carrier, storm)
    _arrive(room, [*phases.values()][-1], timeout)
    room.wait("the last webhooks", lambda: room.shopify.get("/demo/truth")["under_way"] == 0, timeout)
    room.wait("the consumers to close their books", lambda: _closed(carrier.ledger), timeout)
    before = room.sap.get("/demo/books")
    carrier.run(timeout, ORDERS, STOCK)  # as the schedule does: what was delivered is not sent again
    truth, books = room.shopify.get("/demo/truth"), room.sap.get("/demo/books")
    faults = [*faults_of(truth, books), *_ledger(carrier.ledger, truth, books)]
    if before["updates"] != books["updates"] or len(before["orders"]) != len(books["orders"]):
        faults.append("a run of the orders' route sent again what was delivered")
    paid = {order["name"]: order["paid_at"] for order in truth["orders"]}
    made = {order["reference"]: order["at"] for order in books["orders"]}
    figures = [
        Figures.of(phase, [float(made[name]) - float(paid[name]) for name in names])
        for phase, names in phases.items()
        if made.keys() >= set(names)
    ]
    return Report(tuple(figures), truth["throttled"], tuple(faults))


_PAUSE = 0.4
_WRONG = "SAP away, Shopify throttling, webhooks doubled and out of order, consumer and webhook server killed"


def _pay(room: Room, count: int, pause: float) -> list[str]:
    names = []
    for _ in range(count):
        names.append(room.shopify.call("POST", "/demo/pay")["name"])
        time.sleep(pause)
    return names


def _storm(room: Room, carrier: Carrier, count: int) -> list[str]:
    """What goes wrong comes one after the other, while orders are paid all the time."""

    def throttle() -> None:
        room.shopify.call("POST", "/demo/throttle", {"queries": THROTTLED})

    room.shopify.call("POST", "/demo/webhooks", {"unruly": True})
    names: list[str] = []
    for go_wrong in (
        lambda: room.sap.call("POST", "/demo/away", {"seconds": AWAY}),
        throttle,
        carrier.kill_consumer,
        carrier.bring_consumer_back,
        carrier.kill_receiver,
        carrier.bring_receiver_back,
        throttle,
    ):
        go_wrong()
        names += _pay(room, count // 7, 0.1)
    room.shopify.call("POST", "/demo/webhooks", {"unruly": False})
    return names


def _arrive(room: Room, names: Sequence[str], timeout: float) -> None:
    def there() -> bool:
        return {order["reference"] for order in room.sap.get("/demo/books")["orders"]} >= set(names)

    room.wait(f"{len(names)} orders to arrive in SAP", there, timeout)


def _closed(address: str) -> bool:
    with Ledger.open(address) as ledger:
        return all(each.finished is not None for route in (CUSTOMERS, ORDERS) for each in runs(ledger, route, 100).runs)


def faults_of(truth: Mapping[str, Any], books: Mapping[str, Any]) -> list[str]:
    """What SAP has against what the shop has: each order once, to the cent, of its customer, who was there before."""
    shop = {order["name"]: order for order in truth["orders"]}
    times = Counter(order["reference"] for order in books["orders"])
    made = {order["reference"]: order for order in books["orders"]}
    partners = Counter(books["partners"])
    stock = {sku: Decimal(quantity) for sku, quantity in books["stock"].items()}
    checks = {
        "not in SAP": shop.keys() - made.keys(),
        "in SAP and not in the shop": made.keys() - shop.keys(),
        "in SAP more than once": {name for name, count in times.items() if count > 1},
        "with another amount than in the shop": {
            name
            for name, order in made.items()
            if name in shop and Decimal(order["total"]) != Decimal(shop[name]["total"])
        },
        "of another customer": {
            name for name, order in made.items() if name in shop and order["customer"] != shop[name]["customer"]
        },
        "before their customer": {name for name, order in made.items() if order["at"] < order["customer_at"]},
        "customers in SAP more than once": {name for name, count in partners.items() if count > 1},
        "materials with another stock in the shop": {
            sku for sku, quantity in stock.items() if truth["available"].get(sku) != quantity
        },
        "requests refused by SAP": set(books["refusals"]),
        "webhooks given up": {str(truth["given_up"])} if truth["given_up"] else set(),
    }
    return [f"{what}: {', '.join(sorted(found)[:5])} ({len(found)})" for what, found in checks.items() if found]


def _ledger(address: str, truth: Mapping[str, Any], books: Mapping[str, Any]) -> list[str]:
    ids = {order["reference"]: order for order in books["orders"]}
    gids = {order["name"]: order["id"] for order in truth["orders"]}
    made = [{"number": gids[name], "id": order["number"]} for name, order in ids.items() if name in gids]
    with Ledger.open(address) as ledger:
        found = [where(ledger, ORDERS, each["number"], time.time()) for each in made]
        known = [record for record in found if record is not None]
        closed = [each for each in runs(ledger, ORDERS, 1000).runs if each.finished is not None]
    return ledger_faults(made, known, closed, ended=[])
