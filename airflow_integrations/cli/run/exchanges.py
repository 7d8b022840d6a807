"""``run --verbose``: what the target was asked and what it answered, of entities that did not simply arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from airflow_integrations.cli.entities.payload import entity_content, exchange_lines
from airflow_integrations.display.exchange import KEPT_BYTES
from airflow_integrations.display.printable import visible, visible_key
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.masking.mask import Mask
from airflow_integrations.route.definition import Route

__all__ = ["told_exchanges"]

MOST = 20
"""Entities that are told."""


def told_exchanges(database: Database, route: Route, keys: Sequence[str]) -> Iterator[str]:
    """Line by line, fit for a terminal; nothing of those of which no request was kept."""
    mask = Mask(route.mask, entity=route.entity.name)
    for key in keys[:MOST]:
        record = where(database, route.route, key, time.time())
        lines = [] if record is None else list(exchange_lines(record, mask, entity_content(record), most=KEPT_BYTES))
        if lines:
            yield visible_key(key)
            yield from (f"  {visible(line)}" for line in lines)
