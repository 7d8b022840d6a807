"""The tables with their partial indexes. SQLAlchemy loads both dialects for these: only who makes tables needs them."""

from __future__ import annotations

from sqlalchemy import Index

from airflow_integrations.ledger.storage.tables import OPEN, PREFIX, UNDONE, entity, event, metadata

__all__ = ["metadata"]

Index(
    f"{PREFIX}entity_open",
    entity.c.route_id,
    entity.c.status,
    entity.c.next_attempt,
    entity.c.since,  # what waits, and since when, is read of the index alone
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)
Index(f"{PREFIX}entity_payload", entity.c.payload_run, sqlite_where=OPEN, postgresql_where=OPEN)
Index(
    f"{PREFIX}event_undone",
    event.c.route_id,
    event.c.run,
    event.c.id,
    sqlite_where=UNDONE,
    postgresql_where=UNDONE,
)
