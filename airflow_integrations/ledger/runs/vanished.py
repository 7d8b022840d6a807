"""What a fetch that asks for everything has seen, and what it has not."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, lock_route
from airflow_integrations.ledger.storage.key_set import unpack
from airflow_integrations.ledger.storage.transactions import reading, writing

__all__ = ["delivered_count", "note_seen", "vanished", "vanished_count"]

_entity = tables.entity.c
_run = tables.run.c
_claim = tables.claim.c


def _there(run: RunRef) -> ColumnElement[bool]:
    """What the target has of the run's route."""
    return and_(_entity.route_id == run.route_id, _entity.delivered_hash.is_not(None), _entity.deleted.is_(False))


def _missed(run: RunRef) -> ColumnElement[bool]:
    """What of it the run's fetch has not seen. What another run has seen or delivered since this one began is there: it
    may have come behind the place where this one was reading, and the run that saw an entity last stands alone."""
    began = select(_run.started).where(_run.id == run.id).scalar_subquery()
    return and_(_there(run), _entity.seen_run != run.id, _entity.status != "pending", _entity.last_seen <= began)


@writing
def note_seen(connection: Connection, run: RunRef, keys: Sequence[Sequence[str]], now: float) -> None:
    """The run's fetch had these keys, given in pieces of some thousands. Unknown ones are passed over."""
    lock_route(connection, run.route_id)
    for some in keys:
        connection.execute(
            update(tables.entity)
            .where(_entity.route_id == run.route_id, among(connection, _entity.key, some))
            .values(last_seen=now, seen_run=run.id)
        )


@reading
def delivered_count(connection: Connection, run: RunRef) -> int:
    """How many entities of the run's route were delivered and not deleted since."""
    return connection.execute(select(func.count()).select_from(tables.entity).where(_there(run))).scalar_one()


@reading
def vanished_count(connection: Connection, run: RunRef) -> int:
    """How many of these the run's fetch has not seen."""
    return connection.execute(select(func.count()).select_from(tables.entity).where(_missed(run))).scalar_one()


@reading
def vanished(
    connection: Connection, run: RunRef, *, limit: int, after: str | None = None
) -> list[tuple[str, str | None]]:
    """Return key and target id of what was delivered, and not deleted since, and the run's fetch has not seen.

    In the order of the keys, beginning after ``after``. Without what any run has in flight.
    """
    claims = select(_claim["keys"]).where(_claim.route_id == run.route_id, _claim.run != run.id)
    held = {key for packed in connection.scalars(claims) for key in unpack(packed)}
    rows = connection.execute(
        select(_entity.key, _entity.target_id)
        .where(_missed(run), _entity.key > (after or ""))
        .order_by(_entity.key)
        .limit(limit + len(held))
    )
    return [(key, target_id) for key, target_id in rows if key not in held][:limit]
