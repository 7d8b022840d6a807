"""The route that is measured, and the schema that both sides validate with."""

from __future__ import annotations

from typing import Any, Literal

BATCH = 500
How = Literal["bulk", "single", "steps"]
"""Entities in batches, one in a request, or each in three requests."""

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["DocumentNumber", "CustomerCode", "DocDate", "Currency", "Lines", "Total"],
    "properties": {
        "DocumentNumber": {"type": "string", "pattern": "^W-[0-9]{9}$"},
        "CustomerCode": {"type": "string", "minLength": 1},
        "DocDate": {"type": "string", "minLength": 10},
        "Currency": {"enum": ["EUR"]},
        "Lines": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["ItemCode", "Quantity", "UnitPrice"],
                "properties": {
                    "ItemCode": {"type": "string"},
                    "Quantity": {"type": "integer"},
                    "UnitPrice": {"type": "number"},
                },
            },
        },
        "Total": {"type": "number", "minimum": 0},
    },
}


_OUTGOING: dict[How, dict[str, Any]] = {
    "bulk": {"path": "/bulk"},
    "single": {"path": "/single"},
    "steps": {
        "steps": [
            {
                "name": "party",
                "path": "/single",
                "body": {"code": "order.CustomerCode", "name": "order.CustomerName"},
                "result": "body.id",
            },
            {"name": "sale", "path": "/single", "body": {"party": "party", "order": "order"}, "result": "body.id"},
            {"path": "/single/{{ sale }}/confirm", "body": {"party": "party"}},
        ],
        "target_id": "sale",
    },
}


def route(total: int, schema: str, how: How) -> dict[str, Any]:
    return {
        "route": "bench",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {
            "http": {
                "connection": "source",
                "path": "/orders",
                "query": {"total": str(total)},
                "records": "body.orders",
                "pagination": {"style": "cursor", "next": "body.next_cursor", "param": "cursor"},
            }
        },
        "transform": [
            {"filter": 'order.status == "paid" and in_eu(order.customer.address.country)'},
            {
                "map": {
                    "DocumentNumber": "order.number",
                    "CustomerCode": 'f"WEB-{order.customer.id}"',
                    "CustomerName": "order.customer.name",
                    "Email": "order.customer.email.lower()",
                    "DocDate": "order.created_at[:10]",
                    "Currency": {"const": "EUR"},
                    "Street": "order.customer.address.street",
                    "City": "order.customer.address.city",
                    "ZipCode": "order.customer.address.zip",
                    "Country": "order.customer.address.country",
                    "Lines": {
                        "each": "order.lines",
                        "name": "line",
                        "map": {"ItemCode": "line.sku", "Quantity": "line.qty", "UnitPrice": "decimal(line.price)"},
                    },
                    "Total": "sum(line.qty * decimal(line.price) for line in order.lines)",
                }
            },
            {"validate": schema},
        ],
        "outgoing": {"http": {"connection": "target", **_OUTGOING[how]}},
        "delivery": {"batch": BATCH if how == "bulk" else 1, "concurrency": 8},
    }
