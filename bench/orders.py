"""Orders of about 1 KB, 250 to a page, made fast enough that the source is never the bottleneck."""

from __future__ import annotations

import json

PAGE = 250
COUNTRIES = ["ES", "DE", "FR", "US", "IT", "NL", "PT", "AT", "CH", "BE"]


def _order(position: int) -> dict[str, object]:
    lines = [
        {
            "sku": f"SKU-{(position * 7 + n) % 5000:05d}",
            "name": f"Article number {n} of order",
            "qty": n + 1,
            "price": f"{(position * 13 + n * 101) % 9000 / 100:.2f}",
        }
        for n in range(1 + position % 5)
    ]
    return {
        "number": "W-%09d",
        "status": "open" if position % 10 == 9 else "paid",
        "created_at": f"2026-01-{1 + position % 28:02d}T10:{position % 60:02d}:00Z",
        "updated_at": f"2026-01-{1 + position % 28:02d}T12:{position % 60:02d}:00Z",
        "currency": "EUR",
        "customer": {
            "id": 100000 + position,
            "name": f"Customer {position} of the shop",
            "email": f"customer{position}@example.com",
            "phone": "+34 600 000 000",
            "address": {
                "street": f"Calle Mayor {position}",
                "city": "Madrid",
                "zip": "28001",
                "country": COUNTRIES[position % 10],
            },
        },
        "lines": lines,
        "shipping": {"method": "standard", "price": "4.95", "carrier": "Correos"},
        "note": "Please leave the parcel with the neighbour if nobody opens. " * (6 - len(lines)),
    }


def page_template() -> bytes:
    """One page as JSON with ``%09d`` where each order's running number goes."""
    return b"[" + b",".join(json.dumps(_order(position)).encode() for position in range(PAGE)) + b"]"
