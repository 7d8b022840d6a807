"""Who has what in flight, what is stuck, and giving it back by hand."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import lock_route
from airflow_integrations.ledger.storage.key_set import unpack
from airflow_integrations.ledger.storage.open_entities import open_of
from airflow_integrations.ledger.storage.route_ids import known_route, route_names

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["LeaseLine", "LiveClaim", "lease_of", "leased_keys", "leases", "release"]

_claim, _run, _entity = tables.claim.c, tables.run.c, tables.entity.c


class LeaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run that has entities of a route in flight, or had when it died."""

    route: str
    run_id: str
    started: float
    entities: int
    until: float
    """When the last of its leases ends, or has ended."""
    stuck: bool
    """It has ended: the run died. Maintenance, or the route's next run, closes its books from what it has staged."""


def leases(database: Database, routes: Collection[str], now: float) -> list[LeaseLine]:
    """The stuck ones first, then those that end first."""
    with database.read() as connection:
        numbers = route_names(connection, routes)
        if not numbers:
            return []
        claimed = connection.execute(
            select(_claim.run, func.sum(_claim["count"]), func.max(_claim.lease_until))
            .where(_claim.route_id.in_(sorted(numbers)))
            .group_by(_claim.run)
        )
        taken = connection.execute(
            select(_entity.run, func.count(), func.max(_entity.lease_until))
            .where(open_of(connection, sorted(numbers)), _entity.status == "pending")
            .group_by(_entity.run)
        )
        held: dict[int, tuple[int, float]] = {}
        for number, entities, until in (*claimed, *taken):
            before, longest = held.get(number, (0, 0.0))
            held[number] = (before + int(entities), max(longest, until or 0.0))
        runs = connection.execute(
            select(_run.id, _run.route_id, _run.run_id, _run.started).where(_run.id.in_(sorted(held)))
        )
        lines = [
            LeaseLine(
                route=numbers[run.route_id],
                run_id=run.run_id,
                started=run.started,
                entities=held[run.id][0],
                until=held[run.id][1],
                stuck=held[run.id][1] < now,
            )
            for run in runs
        ]
    return sorted(lines, key=lambda line: (not line.stuck, line.until, line.route, line.run_id))


def release(database: Database, route: str, run_id: str, by: str, now: float) -> int:
    """End the leases of a run that is known to be dead, without waiting for them to pass. To how many entities.

    They are not forgotten: what the run sent without hearing of it is found in its journal by whoever closes its books,
    exactly as when the leases had passed by themselves. Should it be alive after all, it stops at its next renewal.
    Raises RunError for an unknown run, and for one that has nothing in flight.
    """
    with database.write() as connection:
        route_id = known_route(connection, route)
        lock_route(connection, route_id)
        number = connection.scalar(select(_run.id).where(_run.route_id == route_id, _run.run_id == run_id))
        if number is None:
            raise RunError(f"the ledger does not know a run {run_id} of the route {route}")
        of_run = (tables.claim.c.run == number, _claim.lease_until >= now)
        claimed = connection.scalar(select(func.sum(_claim["count"])).where(*of_run)) or 0
        connection.execute(update(tables.claim).where(*of_run).values(lease_until=now - 1))
        taken = connection.execute(
            update(tables.entity)
            .where(open_of(connection, [route_id]), _entity.status == "pending", _entity.run == number)
            .where(_entity.lease_until >= now)
            .values(lease_until=now - 1)
        ).rowcount
        if not (released := int(claimed) + taken):
            raise RunError(f"release: the run {run_id} of {route} holds no lease that has not passed")
        selection = msgspec.json.encode({"run": run_id}).decode()
        record(connection, route_id, "release", selection, released, by=by, now=now)
    return released


class LiveClaim(NamedTuple):
    run_id: str
    started: float
    until: float


def lease_of(connection: Connection, route_id: int, key: str, now: float) -> LiveClaim | None:
    """The lease that has this key, where one has."""
    claim, run = tables.claim, tables.run
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
    claim = tables.claim
    blobs = connection.scalars(select(claim.c["keys"]).where(claim.c.route_id == route_id, claim.c.lease_until >= now))
    return {key for blob in blobs for key in unpack(blob)}
