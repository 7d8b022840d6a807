"""A push takes its next entities: one row for thousands of keys, and nobody else's keys among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Float,
    Select,
    String,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from airflow_integrations.entity import older
from airflow_integrations.ledger.inbox.inbox import renew_events
from airflow_integrations.ledger.records import Known, Reservation, RunRef
from airflow_integrations.ledger.runs.history import KEPT, line
from airflow_integrations.ledger.runs.progress import end_other_progress
from airflow_integrations.ledger.runs.unanswered_sql import MAYBE, UNHEARD
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import (
    among,
    among_given,
    as_parameter,
    lock_entities,
    lock_leases,
    lock_route,
)
from airflow_integrations.ledger.storage.key_set import pack, unpack
from airflow_integrations.ledger.storage.open_entities import open_of
from airflow_integrations.ledger.storage.route_ids import route_number
from airflow_integrations.ledger.storage.transactions import reading, writing

__all__ = [
    "KEYS_AT_ONCE",
    "LOST",
    "announce_part",
    "decided_in",
    "end_announcement",
    "end_leases",
    "known_entities",
    "make_pending",
    "note_unanswered",
    "others_claims",
    "release_leases",
    "renew_announcement",
    "renew_leases",
    "reserve",
]

KEYS_AT_ONCE = 10_000
"""Keys that one statement asks for."""
LOST = 0.0
"""``lease_until`` of a claim that passed and some of whose keys another run has taken since: it cannot be renewed."""

_claim = tables.claim.c
_entity = tables.entity.c
_OTHERS = (
    select(
        _claim.id, _claim["keys"], _claim.lease_until, tables.run.c.recovering, _claim.run, _claim.part, _claim.count
    )
    .join(tables.run, tables.run.c.id == _claim.run)
    .where(_claim.route_id == bindparam("route"), _claim.run != bindparam("run"))
)
_OVERLAPPING = delete(tables.claim).where(
    _claim.run == bindparam("of"),
    _claim.part == bindparam("its_part"),
    _claim.first < bindparam("end"),
    _claim.first + _claim.count > bindparam("start"),
)
_RESERVED = insert(tables.claim).returning(_claim.id)
_END = delete(tables.claim).where(_claim.run == bindparam("of"))
_RELEASE = _END.where(_claim.part == bindparam("its_part"))
_UNANSWERED = (("maybe", MAYBE), ("unheard", UNHEARD))
_KNOWN = [_entity[name] for name in Known.__struct_fields__]


@writing
def reserve(
    connection: Connection, run: RunRef, keys: Sequence[str], *, first: int, lease_until: float, now: float
) -> Reservation:
    """Lease the keys, which are the entities ``first``, ``first + 1``, … of the run's part, and return what is known of
    them.

    Replaces earlier leases of the part that overlap with these ordinals. Keys that another run has leased or taken over
    are ``taken``; where that run's lease has passed they are free, and that run cannot renew it any more.
    """
    lock_leases(connection, run.route_id)
    connection.execute(_OVERLAPPING, {"of": run.id, "its_part": run.part, "start": first, "end": first + len(keys)})
    asked = frozenset(keys)
    taken = set(asked & others_claims(connection, run, asked, now))
    known: dict[str, Known] = {}
    orphans: list[str] = []
    rows = connection.execute(
        _looking_up(connection.dialect.name), {"of_route": run.route_id, "keys": as_parameter(connection, keys)}
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
        _RESERVED,
        {
            "route_id": run.route_id,
            "run": run.id,
            "first": first,
            "count": len(keys),
            "lease_until": lease_until,
            "keys": pack(free),
            "part": run.part,
        },
    ).scalar_one()
    return Reservation(claim, known, frozenset(taken))


@cache
def _looking_up(dialect: str) -> Select[Any]:
    return select(_entity.key, _entity.run, _entity.lease_until, *_KNOWN).where(
        _entity.route_id == bindparam("of_route"), among_given(dialect, _entity.key, "keys")
    )


@reading
def known_entities(connection: Connection, route: str, keys: Sequence[str]) -> dict[str, Known]:
    """Return what is known of those keys that the ledger has seen; nothing is leased. Unknown routes have none."""
    found: dict[str, Known] = {}
    if (route_id := route_number(connection, route)) is not None:
        for first in range(0, len(keys), KEYS_AT_ONCE):
            some = among(connection, _entity.key, keys[first : first + KEYS_AT_ONCE])
            rows = connection.execute(select(_entity.key, *_KNOWN).where(_entity.route_id == route_id, some))
            found |= {key: Known(*fields) for key, *fields in rows}
    return found


@reading
def decided_in(connection: Connection, route: str, run_id: str, keys: Sequence[str]) -> set[str]:
    """Return those of the keys whose status was decided by this run, and which it has not taken over again since."""
    found: set[str] = set()
    run = tables.run.c
    its = select(run.route_id, run.id).join_from(tables.run, tables.route, tables.route.c.id == run.route_id)
    its = its.where(tables.route.c.name == route, run.run_id == run_id)
    if (ref := connection.execute(its).one_or_none()) is not None:
        decided = _entity.route_id == ref.route_id, _entity.run == ref.id, _entity.status != "pending"
        for first in range(0, len(keys), KEYS_AT_ONCE):
            some = among(connection, _entity.key, keys[first : first + KEYS_AT_ONCE])
            found.update(connection.scalars(select(_entity.key).where(*decided, some)))
    return found


def others_claims(connection: Connection, run: RunRef, wanted: Collection[str], now: float) -> set[str]:
    """All keys of the route that other runs have leased. Claims that have passed lose theirs where they are wanted,
    but not while somebody closes the books of their run, or a part of it is at work, so that nobody does: what was sent
    is not in the ledger yet."""
    held: set[str] = set()
    claims = connection.execute(_OTHERS, {"route": run.route_id, "run": run.id}).all()
    passed = []
    at_work = {(of_run, part if count else None) for *_, until, _, of_run, part, count in claims if until >= now}
    for number, packed, lease_until, recovering, of_run, part, _ in claims:
        beside = at_work and any(one == of_run and other != part for one, other in at_work)
        if lease_until >= now or (recovering or 0.0) >= now or beside:
            held.update(unpack(packed))
        else:
            passed.append((number, packed))
    for number, packed in passed:
        theirs = unpack(packed)
        lost = set(theirs).intersection(wanted) - held
        if lost:
            left = [key for key in theirs if key not in lost]
            connection.execute(
                update(tables.claim).where(_claim.id == number).values(keys=pack(left), lease_until=LOST)
            )
    return held


def make_pending(connection: Connection, run: RunRef, keys: Collection[str], *, lease_until: float, now: float) -> None:
    """The run takes these entities over, whatever they were: until they have their fate they are open."""
    taken = {
        "of_route": run.route_id,
        "keys": as_parameter(connection, keys),
        "by": run.id,
        "now": now,
        "until": lease_until,
        "entry": line("pending", run.id, now) + "\n",
    }
    connection.execute(_taking_over(connection.dialect.name), taken)


@cache
def _taking_over(dialect: str) -> Update:
    now = bindparam("now", type_=Float)
    return (
        update(tables.entity)
        .where(_entity.route_id == bindparam("of_route"), among_given(dialect, _entity.key, "keys"))
        .values(
            status="pending",
            run=bindparam("by"),
            changed=now,
            lease_until=bindparam("until"),
            since=func.coalesce(_entity.since, now),
            history=func.substr(bindparam("entry", type_=String) + _entity.history, 1, KEPT),
        )
    )


@writing
def note_unanswered(
    connection: Connection, run: RunRef, sent: Sequence[tuple[str, str, str | None]], *, now: float
) -> None:
    """Note key, content hash and version of states that are unanswered; the rest of the row stays. A key that the
    ledger did not know gets a row that says this and nothing else, closed: whoever sends it next, in this run or in
    another, must not use an idempotency key again behind which another state has gone out.

    They were sent behind what the row knew then, so that theirs are the newest versions; but where another run has met
    a newer state since, such as one that it rejected, the row stays about that. Steps that were confirmed of other
    content before that no longer count.
    """
    lock_entities(connection, run.route_id)
    mine = _entity.route_id == run.route_id, among(connection, _entity.key, [key for key, _, _ in sent])
    rows = connection.execute(select(_entity.key, _entity.version).where(*mine))
    known = {row.key: row.version for row in rows}
    values: dict[str, Any] = {
        name: text(sql.format(e=tables.entity.name, sent="CAST(:sent AS TEXT)")) for name, sql in _UNANSWERED
    }
    values["version"] = func.coalesce(func.substr(bindparam("its_version", type_=String), 1, 512), _entity.version)
    statement = (
        update(tables.entity).where(_entity.route_id == run.route_id, _entity.key == bindparam("of")).values(values)
    )
    new = [_unheard_of(run, key, now) for key, _, _ in sent if key not in known]
    if new:
        connection.execute(insert(tables.entity), list({row["key"]: row for row in new}.values()))
    for key, content, version in sent:
        newest = None if version is not None and older(version, known.get(key)) else version
        connection.execute(statement, {"of": key, "sent": content, "its_version": newest})
    end_other_progress(connection, run.route_id, {key: content for key, content, _ in sent})


def _unheard_of(run: RunRef, key: str, now: float) -> dict[str, Any]:
    """The row of an entity of which nothing is known but that it was sent."""
    return {
        "route_id": run.route_id,
        "key": key,
        "status": "superseded",
        "run": run.id,
        "changed": now,
        "first_seen": now,
        "last_seen": now,
        "seen_run": run.id,
        "history": line("superseded", run.id, now) + "\n",
    }


@writing
def renew_leases(connection: Connection, run: RunRef, *, lease_until: float) -> int:
    """Prolong all that the part has leased and the run has taken over. Returns how many reservations are still its own.

    Fewer than it has made: a lease passed and another run took keys of it; the run must not send any more of those and
    reserves again what it has not decided.
    """
    lock_route(connection, run.route_id)
    connection.execute(
        update(tables.entity)
        .where(open_of(connection, [run.route_id]), _entity.status == "pending", _entity.run == run.id)
        .values(lease_until=lease_until)
    )
    renew_events(connection, run, lease_until=lease_until)
    return connection.execute(
        update(tables.claim)
        .where(_claim.run == run.id, _claim.part == run.part, _claim.count > 0, _claim.lease_until > LOST)
        .values(lease_until=lease_until)
    ).rowcount


@writing
def announce_part(connection: Connection, run: RunRef, *, lease_until: float, now: float) -> int | None:
    """Note that a part of the run's push is at work, also while it has reserved nothing: as long as it renews this, the
    run is not dead. Returns the number of that claim, which has no keys; None where somebody closes the run's books.

    Not announced any more are earlier attempts of the part.
    """
    lock_leases(connection, run.route_id)
    closing = connection.scalar(select(tables.run.c.recovering).where(tables.run.c.id == run.id))
    if (closing or 0.0) >= now:
        return None
    connection.execute(_RELEASE.where(_claim.count == 0), {"of": run.id, "its_part": run.part})
    values = {"route_id": run.route_id, "run": run.id, "part": run.part, "lease_until": lease_until}
    announced: int = connection.execute(_RESERVED, {**values, "first": -1, "count": 0, "keys": pack(())}).scalar_one()
    return announced


@writing
def renew_announcement(connection: Connection, claim: int, *, lease_until: float) -> None:
    """Say once more that the part is at work: its announcement counts until ``lease_until``."""
    connection.execute(update(tables.claim).where(_claim.id == claim).values(lease_until=lease_until))


@writing
def end_announcement(connection: Connection, claim: int) -> None:
    """Take back that the part is at work."""
    connection.execute(delete(tables.claim).where(_claim.id == claim))


def end_leases(connection: Connection, run: RunRef) -> None:
    """Give up all leases of the run, within a transaction that does more."""
    connection.execute(_END, {"of": run.id})


@writing
def release_leases(connection: Connection, run: RunRef) -> None:
    """Give up all leases of the part; those of the run's other parts stay."""
    connection.execute(_RELEASE, {"of": run.id, "its_part": run.part})
