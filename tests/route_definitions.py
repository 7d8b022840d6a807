"""A valid route file that uses most of the language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

GOOD = """\
route: orders
description: Paid EU orders become sales orders.
tags: [orders]
priority: critical
entity: {name: order, key: order.number}
schedule: {cron: "*/5 * * * *", timezone: Europe/Madrid, start: 2026-01-01, catchup: true}

incoming:
  http:
    connection: shop
    path: /api/orders
    query: {updated_from: "{{ window.start }}"}
    records: body.orders
    pagination: {style: cursor, next: body.next_cursor, param: cursor}

transform:
  - filter: order.status == "paid"
  - lookup: {name: tax, file: lookups/tax.csv, where: {country: order.country}}
  - map:
      Number: order.number
      Currency: {const: EUR}
      TaxCode: tax.code
      Lines:
        each: order.lines
        name: line
        map: {Sku: line.sku, Price: decimal(line.price)}
  - validate: schemas/order.json

outgoing:
  http: {connection: erp, method: POST, path: /sales-orders}

delivery: {batch: 100, concurrency: 8}
"""

Write = Callable[..., Path]
