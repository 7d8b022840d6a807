"""Which entities runs have under way, read from the leases that still hold."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.keyset import unpack

__all__ = ["LiveClaim", "lease_of", "leased_keys"]


class LiveClaim(NamedTuple):
    run_id: str
    started: float
    until: float


def lease_of(connection: Connection, route_id: int, key: str, now: float) -> LiveClaim | None:
    """The lease that has this key, where one has."""
    claim, run = schema.claim, schema.run
    rows = connection.execute(
        select(claim.c["keys"], run.c.run_id, run.c.started, claim.c.lease_until)
        .join(run, run.c.id == claim.c.run)
        .where(claim.c.route_id == route_id, claim.c.lease_until >= now)
    )
    for keys, run_id, started, until in rows:
        if key in unpack(keys):
            rows.close()
            return LiveClaim(run_id, started, until)
    return None


def leased_keys(connection: Connection, route_id: int, now: float) -> set[str]:
    """All keys of a route that are in a lease."""
    claim = schema.claim
    blobs = connection.scalars(select(claim.c["keys"]).where(claim.c.route_id == route_id, claim.c.lease_until >= now))
    return {key for blob in blobs for key in unpack(blob)}
