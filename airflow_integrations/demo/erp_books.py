"""The demo ERP's records. It takes whatever is well-formed and counts how often it got it: it never de-duplicates."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

__all__ = ["Books", "SalesOrder", "order_faults"]


@dataclass(slots=True)
class SalesOrder:
    """A sales order by its number: the newest document, and how many came."""

    id: str
    document: dict[str, Any]
    receipts: int = 1

    def summary(self) -> dict[str, Any]:
        document = self.document
        return {
            "number": document["DocumentNumber"],
            "id": self.id,
            "receipts": self.receipts,
            "total": str(document["Total"]),
            "currency": document["Currency"],
            "tax_code": document["TaxCode"],
            "customer": document["CustomerCode"],
            "lines": len(document["Lines"]),
        }


@dataclass(slots=True)
class Books:
    """Everything the ERP was told since it started."""

    orders: dict[str, SalesOrder] = field(default_factory=dict)
    stock: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the ERP's own id; each holds its ``code``."""
    receipts: int = 0

    def take(self, document: dict[str, Any]) -> SalesOrder:
        """Book a well-formed sales order."""
        self.receipts += 1
        number = document["DocumentNumber"]
        known = self.orders.get(number)
        if known is not None:
            known.document, known.receipts = document, known.receipts + 1
            return known
        order = self.orders[number] = SalesOrder(f"D{len(self.orders) + 1:07d}", document)
        return order


def order_faults(document: Any) -> list[str]:
    """Every reason why the ERP refuses a sales order; none when it is well-formed and adds up to the cent."""
    if not isinstance(document, dict):
        return ["a sales order is a JSON object"]
    faults = [
        f"{name} is missing or not a text"
        for name in ("DocumentNumber", "CustomerCode", "DocDate", "Currency", "TaxCode")
        if not (isinstance(document.get(name), str) and document[name].strip())
    ]
    unknown = sorted(
        set(document) - {"DocumentNumber", "CustomerCode", "DocDate", "Currency", "TaxCode", "Lines", "Total"}
    )
    if unknown:
        faults.append(f"unknown fields: {', '.join(unknown)[:200]}")
    lines = document.get("Lines")
    if not isinstance(lines, list) or not lines:
        return [*faults, "Lines is not a list with at least one line"]
    amount = Decimal(0)
    for position, line in enumerate(lines):
        if not isinstance(line, dict) or not isinstance(line.get("ItemCode"), str):
            faults.append(f"Lines[{position}].ItemCode is missing or not a text")
        elif not (_number(line.get("Quantity")) and line["Quantity"] > 0):
            faults.append(f"Lines[{position}].Quantity is not a number above 0")
        elif not (_number(line.get("UnitPrice")) and line["UnitPrice"] >= 0):
            faults.append(f"Lines[{position}].UnitPrice is not a number from 0")
        else:
            amount += line["Quantity"] * Decimal(line["UnitPrice"])
    if not _number(document.get("Total")):
        faults.append("Total is missing or not a number")
    elif not faults and Decimal(document["Total"]) != amount:
        faults.append(f"Total {document['Total']} is not the sum of the lines, {amount}")
    return faults


def _number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()
