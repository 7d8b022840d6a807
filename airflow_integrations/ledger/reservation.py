"""A push takes its next entities: one row for thousands of keys, and nobody else's keys among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among, lock_entities, lock_leases, lock_route
from airflow_integrations.ledger.history import KEPT, line
from airflow_integrations.ledger.inbox import renew_events
from airflow_integrations.ledger.keyset import pack, unpack
from airflow_integrations.ledger.open_rows import open_of
from airflow_integrations.ledger.records import Known, Reservation, RunRef

__all__ = ["LOST", "known", "make_pending", "others_claims", "release", "renew", "reserve"]

LOST = 0.0
"""``lease_until`` of a claim that passed and some of whose keys another run has taken since: it cannot be renewed."""

_claim = schema.claim.c
_entity = schema.entity.c
_KNOWN = [_entity[name] for name in Known.__struct_fields__]


def reserve(
    connection: Connection, run: RunRef, keys: Sequence[str], *, first: int, lease_until: float, now: float
) -> Reservation:
    lock_leases(connection, run.route_id)
    connection.execute(
        delete(schema.claim).where(
            _claim.run == run.id, _claim.first < first + len(keys), _claim.first + _claim.count > first
        )
    )
    asked = frozenset(keys)
    taken = set(asked & others_claims(connection, run, asked, now))
    known: dict[str, Known] = {}
    orphans: list[str] = []
    rows = connection.execute(
        select(_entity.key, _entity.run, _entity.lease_until, *_KNOWN).where(
            _entity.route_id == run.route_id, among(connection, _entity.key, keys)
        )
    )
    for key, by, leased, *fields in rows:
        known[key] = found = Known(*fields)
        if found.status == "pending" and by != run.id:
            if leased is not None and leased >= now:
                taken.add(key)
            elif key not in taken:
                orphans.append(key)
    free = [key for key in keys if key not in taken] if taken else keys
    if not free:
        return Reservation(None, known, frozenset(taken))
    if orphans:
        lock_entities(connection, run.route_id)
        make_pending(connection, run, orphans, lease_until=lease_until, now=now)
    claim: int = connection.execute(
        insert(schema.claim)
        .values(
            route_id=run.route_id, run=run.id, first=first, count=len(keys), lease_until=lease_until, keys=pack(free)
        )
        .returning(_claim.id)
    ).scalar_one()
    return Reservation(claim, known, frozenset(taken))


def known(connection: Connection, route_id: int, keys: Sequence[str]) -> dict[str, Known]:
    rows = connection.execute(
        select(_entity.key, *_KNOWN).where(_entity.route_id == route_id, among(connection, _entity.key, keys))
    )
    return {key: Known(*fields) for key, *fields in rows}


def others_claims(connection: Connection, run: RunRef, wanted: Collection[str], now: float) -> set[str]:
    """All keys of the route that other runs have leased. Claims that have passed lose theirs where they are wanted."""
    held: set[str] = set()
    claims = connection.execute(
        select(_claim.id, _claim["keys"], _claim.lease_until).where(
            _claim.route_id == run.route_id, _claim.run != run.id
        )
    ).all()
    passed = []
    for number, packed, lease_until in claims:
        if lease_until >= now:
            held.update(unpack(packed))
        else:
            passed.append((number, packed))
    for number, packed in passed:
        theirs = unpack(packed)
        lost = set(theirs).intersection(wanted) - held
        if lost:
            left = [key for key in theirs if key not in lost]
            connection.execute(
                update(schema.claim).where(_claim.id == number).values(keys=pack(left), lease_until=LOST)
            )
    return held


def make_pending(connection: Connection, run: RunRef, keys: Collection[str], *, lease_until: float, now: float) -> None:
    """The run takes these entities over, whatever they were: until they have their fate they are open."""
    entry = line("pending", run.id, now) + "\n"
    connection.execute(
        update(schema.entity)
        .where(_entity.route_id == run.route_id, among(connection, _entity.key, keys))
        .values(
            status="pending",
            run=run.id,
            changed=now,
            lease_until=lease_until,
            since=func.coalesce(_entity.since, now),
            history=func.substr(literal(entry) + _entity.history, 1, KEPT),
        )
    )


def renew(connection: Connection, run: RunRef, *, lease_until: float) -> int:
    lock_route(connection, run.route_id)
    connection.execute(
        update(schema.entity)
        .where(open_of(connection, [run.route_id]), _entity.status == "pending", _entity.run == run.id)
        .values(lease_until=lease_until)
    )
    renew_events(connection, run, lease_until=lease_until)
    return connection.execute(
        update(schema.claim).where(_claim.run == run.id, _claim.lease_until > LOST).values(lease_until=lease_until)
    ).rowcount


def release(connection: Connection, run: RunRef) -> None:
    connection.execute(delete(schema.claim).where(_claim.run == run.id))
