"""Are the shop's orders in the ERP, and does the ledger say so? A pure comparison of what should be with what is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_integrations.ledger.queries.views import EntityRecord, RunBooks
from airflow_integrations.ledger.status import INCOMING, OUTCOMES
from airflow_integrations.window import Window, rfc3339

__all__ = ["Verdict", "compare", "covered_until", "ledger_faults"]

_NAMED = 5
"""Orders named for each fault; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``faults`` is empty when all is well."""

    expected: int
    arrived: int
    receipts: int
    shop_orders: int
    amount: Decimal
    faults: tuple[str, ...]
    unchanged: int = 0
    """Orders that came again as they were, and were not sent."""

    def __str__(self) -> str:
        good = (
            f"demo-check: {self.shop_orders} orders in the shop, {self.expected} paid ones from the EU due, "
            f"{self.arrived} in the ERP, {self.receipts} receipts, {self.unchanged} came again and were not sent, "
            f"{self.amount} EUR"
        )
        return f"{good}: every total to the cent" if not self.faults else f"{good}: WRONG"


def covered_until(windows: Iterable[Window], origin: datetime) -> datetime:
    """Where the windows that join or overlap each other from ``origin`` on end."""
    end = origin
    for window in sorted(windows, key=lambda window: (window.start, window.end)):
        if window.start > end:
            break
        end = max(end, window.end)
    return end


def compare(truth: Sequence[Mapping[str, Any]], books: Sequence[Mapping[str, Any]], *, covered: datetime) -> Verdict:
    """Every paid EU order changed before ``covered`` is in the books once with its total; no other order ever is.

    ``truth`` is the shop's ``/api/truth``, read after ``books``, the ERP's ``/sales-orders``.
    """
    wanted = {order["number"]: order for order in truth if order["status"] == "paid" and order["eu"]}
    due = {number for number, order in wanted.items() if datetime.fromisoformat(order["updated_at"]) < covered}
    booked = {order["number"]: order for order in books}
    missing = sorted(due - booked.keys())
    uncalled = sorted(booked.keys() - wanted.keys())
    repeated = sorted(number for number, order in booked.items() if order["receipts"] != 1)
    wrong = sorted(
        number
        for number, order in booked.items()
        if number in wanted and Decimal(order["total"]) != Decimal(wanted[number]["total"])
    )
    status = {order["number"]: f"{order['status']}, {order['country']}" for order in truth}
    faults = [
        *_fault(
            f"due before {rfc3339(covered)} and not in the ERP", missing, lambda number: wanted[number]["updated_at"]
        ),
        *_fault(
            "in the ERP though not paid or not from the EU", uncalled, lambda number: status.get(number, "unknown")
        ),
        *_fault("received more than once", repeated, lambda number: f"{booked[number]['receipts']} times"),
        *_fault(
            "with another total than in the shop",
            wrong,
            lambda number: f"{booked[number]['total']} for {wanted[number]['total']}",
        ),
    ]
    return Verdict(
        expected=len(due),
        arrived=len(booked),
        receipts=sum(int(order["receipts"]) for order in books),
        shop_orders=len(truth),
        amount=sum((Decimal(order["total"]) for order in books), Decimal(0)),
        faults=tuple(faults),
    )


def ledger_faults(
    books: Sequence[Mapping[str, Any]], known: Sequence[EntityRecord], runs: Sequence[RunBooks], *, ended: Sequence[str]
) -> list[str]:
    """Every order in the ERP is delivered by the ledger, once and under the ERP's id; the runs' books balance.

    ``ended``: the ids of the runs that Airflow says have ended well. What a run has in flight just now is let be.
    """
    told = {record.key: record for record in known}
    decided = [order["number"] for order in books if order["number"] in told and not told[order["number"]].lease]
    ids = {order["number"]: order["id"] for order in books}
    closed = {each.run_id: each for each in runs if each.finished is not None}
    return [
        *_fault("in the ERP and unknown to the ledger", sorted(ids.keys() - told.keys()), ids.__getitem__),
        *_fault(
            "in the ERP and not delivered by the ledger",
            [number for number in decided if told[number].status not in ("delivered", "unchanged")],
            lambda number: told[number].status,
        ),
        *_fault(
            "delivered more than once by the ledger",
            [number for number in decided if told[number].deliveries > 1],
            lambda number: f"{told[number].deliveries} times",
        ),
        *_fault(
            "with another id in the ledger than in the ERP",
            [number for number in decided if told[number].target_id != ids[number]],
            lambda number: f"{told[number].target_id} for {ids[number]}",
        ),
        *_fault("runs ended well without closed books in the ledger", sorted(set(ended) - closed.keys()), str),
        *_fault(
            "runs whose books do not balance",
            [run for run, each in closed.items() if not _balanced(each)],
            lambda run: closed[run].counts,
        ),
    ]


def _balanced(run: RunBooks) -> bool:
    return sum(run.counts.get(name, 0) for name in INCOMING) == sum(run.counts.get(name, 0) for name in OUTCOMES)


def _fault(what: str, numbers: Sequence[str], detail: Callable[[str], object]) -> list[str]:
    if not numbers:
        return []
    named = ", ".join(f"{number} ({detail(number)})" for number in numbers[:_NAMED])
    return [f"{len(numbers)} {what}: {named}{', …' if len(numbers) > _NAMED else ''}"]
