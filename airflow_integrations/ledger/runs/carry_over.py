"""Take over what earlier runs left behind: entities that are due again, runs that died."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, bindparam, exists, or_, select

from airflow_integrations.ledger.records import Due, Lapsed, PayloadRef, RetryWanted, RunRef
from airflow_integrations.ledger.runs.claims import make_pending, others_claims
from airflow_integrations.ledger.status import KEPT, STATUSES, may_follow
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, lock_route
from airflow_integrations.ledger.storage.open_entities import open_of_one
from airflow_integrations.ledger.storage.transactions import reading, writing
from airflow_integrations.window import Window

__all__ = ["lapsed_runs", "take_due"]

_entity = tables.entity.c
_run = tables.run.c
_claim = tables.claim.c
_TAKEABLE = frozenset(status for status in STATUSES if may_follow(status, "pending"))
_OPEN = KEPT & _TAKEABLE
_OF_ROUTE: Final = bindparam("of_route", type_=BigInteger)
_DUE: Final = and_(_entity.status.in_(["retrying", "in_doubt"]), _entity.next_attempt <= bindparam("now"))
_OWN: Final = and_(
    _entity.status == "pending", _entity.run == bindparam("by"), _entity.lease_until != bindparam("until")
)
"""Taken by an earlier attempt of this run, whose lease had another end."""
_ORPHANED: Final = or_(_OWN, and_(_entity.status == "pending", _entity.lease_until < bindparam("now")))
_beside = tables.claim.alias().c
_DEAD_CLAIMS = select(_claim.run).where(
    _claim.lease_until < bindparam("now"),
    ~exists().where(
        _beside.run == _claim.run,
        or_(_beside.part != _claim.part, _beside.count == 0),
        _beside.lease_until >= bindparam("now"),
    ),
)
"""Not of a run of which another part is at work, or this one again: settle closes its books."""
_LAPSED = (
    select(
        _run.id,
        _run.route_id,
        tables.route.c.name,
        _run.run_id,
        _run.kind,
        _run.window_start,
        _run.window_end,
        _run.route_hash,
        _run.staging,
    )
    .join(tables.route, tables.route.c.id == _run.route_id)
    .where(_run.id.in_(_DEAD_CLAIMS))
    .order_by(_run.id)
)
_LAPSED_OF_ROUTE = _LAPSED.where(tables.route.c.name == bindparam("route"))


@writing
def take_due(
    connection: Connection,
    run: RunRef,
    *,
    now: float,
    lease_until: float,
    limit: int,
    wanted: RetryWanted | None = None,
    fresh: bool = False,
) -> list[Due]:
    """Entities of earlier runs that the run takes over, at most ``limit``, the longest due first; *pending* then.

    Without ``wanted``: those due by themselves, and those of runs that died after having taken them. With it: those
    that fit all that it names, due or not; *open* ones where it names no status. Never what another run has leased.

    What an earlier attempt of this run took comes again; so all pages of one attempt name the same ``lease_until``, and
    nothing is renewed between them. ``fresh``: nothing that a run has taken before, this one included; for a run that
    has begun its work.
    """
    lock_route(connection, run.route_id)
    held = others_claims(connection, run, (), now)
    dialect = connection.dialect.name
    given = {"of_route": run.route_id, "by": run.id, "now": now, "until": lease_until, "most": limit + len(held)}
    if fresh or wanted is None or wanted == RetryWanted():
        query = _those_due(dialect, fresh=fresh)
    else:
        query = _takeable().where(_of_route(dialect, wanted), _selected(connection, wanted))
    rows = connection.execute(query, given).all()
    taken = [row for row in rows if row.key not in held][:limit]
    if taken:
        keys = [row.key for row in taken]
        others_claims(connection, run, keys, now)
        make_pending(connection, run, keys, lease_until=lease_until, now=now)
    return [_due(row) for row in taken]


@cache
def _those_due(dialect: str, *, fresh: bool) -> Select[Any]:
    return _takeable().where(open_of_one(dialect, _OF_ROUTE), _DUE if fresh else or_(_DUE, _ORPHANED))


def _takeable() -> Select[Any]:
    overlay = tables.overlay.c
    return (
        select(
            _entity.key,
            _entity.status,
            _entity.version,
            _entity.deleted,
            _entity.batch,
            _entity.payload_stage,
            _entity.payload_at,
            _run.staging,
            overlay.payload.label("overlay"),
        )
        .join(tables.run, _run.id == _entity.payload_run, isouter=True)
        .join(
            tables.overlay,
            and_(
                overlay.route_id == _entity.route_id,
                overlay.key == _entity.key,
                overlay.stage == _entity.payload_stage,
            ),
            isouter=True,
        )
        .order_by(
            _entity.next_attempt.nulls_last(),
            _entity.payload_run,
            _entity.batch,  # what goes again as it was stands together: parts of a run send what lies between
            _entity.payload_at,
            _entity.key,
        )
        .limit(bindparam("most"))
    )


def _of_route(dialect: str, wanted: RetryWanted) -> ColumnElement[bool]:
    """Open ones are few and have an index; closed ones come only where a person names their status."""
    if wanted.statuses is None or wanted.statuses <= KEPT:
        return open_of_one(dialect, _OF_ROUTE)
    return _entity.route_id == _OF_ROUTE


def _selected(connection: Connection, wanted: RetryWanted) -> ColumnElement[bool]:
    statuses = _OPEN if wanted.statuses is None else wanted.statuses & _TAKEABLE
    chosen: ColumnElement[bool] = _entity.status.in_(sorted(statuses))
    also = _ORPHANED if wanted.statuses is None or "pending" in wanted.statuses else _OWN
    chosen = or_(chosen, also)
    if wanted.keys is not None:
        chosen = and_(chosen, among(connection, _entity.key, [key for key in wanted.keys if "\n" not in key]))
    if wanted.fingerprint is not None:
        chosen = and_(chosen, _entity.fingerprint == wanted.fingerprint)
    return chosen


def _due(row: Any) -> Due:
    payload = None
    if row.payload_stage is not None and (row.staging or row.overlay is not None):
        payload = PayloadRef(row.staging or "", row.payload_stage, row.payload_at)
    return Due(row.key, row.status, row.version, payload, row.overlay, bool(row.deleted), row.batch)


@reading
def lapsed_runs(connection: Connection, route: str | None, now: float) -> list[Lapsed]:
    """Return runs of the route, or of all, that died with entities in flight; the oldest first."""
    found = _LAPSED if route is None else _LAPSED_OF_ROUTE
    return [
        Lapsed(
            RunRef(row.id, row.route_id, row.name, row.run_id),
            row.kind,
            Window.parse(row.window_start, row.window_end),
            row.route_hash,
            row.staging,
        )
        for row in connection.execute(found, {"now": now, "route": route})
    ]
