"""What a route's mask hides from those who look at entities on a terminal."""

from __future__ import annotations

from airflow_integrations.ledger.database import Database
from airflow_integrations.ledger.definitions import definition, newest_hashes
from airflow_integrations.masking import Mask
from airflow_integrations.route_text import mask_in

__all__ = ["mask_of"]


def mask_of(database: Database, route: str) -> Mask:
    """Of the definition that the route's newest run worked by."""
    newest = newest_hashes(database, [route]).get(route)
    return mask_in(definition(database, route, newest) if newest is not None else None)
