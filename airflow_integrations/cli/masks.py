"""What a route's mask hides from those who look at entities on a terminal."""

from __future__ import annotations

import msgspec

from airflow_integrations.engine.masked import masked
from airflow_integrations.ledger.answers import EntityRecord
from airflow_integrations.ledger.database import Database
from airflow_integrations.ledger.definitions import definition, newest_hashes
from airflow_integrations.masking import Mask
from airflow_integrations.route_text import mask_in

__all__ = ["mask_of", "masked_record"]


def mask_of(database: Database, route: str) -> Mask:
    """Of the definition that the route's newest run worked by."""
    newest = newest_hashes(database, [route]).get(route)
    return mask_in(definition(database, route, newest) if newest is not None else None)


def masked_record(mask: Mask, record: EntityRecord) -> EntityRecord:
    """The same with the payload that a person has edited as it may be shown."""
    if record.overlay is None:
        return record
    (edited,), _ = masked(mask, record.overlay.payload.encode())
    assert edited is not None
    return msgspec.structs.replace(record, overlay=msgspec.structs.replace(record.overlay, payload=edited.decode()))
