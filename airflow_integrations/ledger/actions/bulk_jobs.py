"""An action on thousands of entities, done a piece at a time: it can be watched, and goes on where a process ended.

A piece and how far the job is are one transaction, so that nothing is done twice or left out, wherever it is cut off.
Who works on a job has it leased; one whose lease has passed is *interrupted* until somebody goes on with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import Connection, Row, func, insert, or_, select, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.actions.entity_actions import Decision, confirming, decide, retrying, skipping
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.lease_times import JOB_SECONDS
from airflow_integrations.ledger.runs.history import printable
from airflow_integrations.ledger.status import KEPT
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.open_entities import by_key, open_of
from airflow_integrations.ledger.storage.route_ids import known_route

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Job", "JobState", "ask", "find", "give_up", "listed", "step", "take"]

PIECE = 2_000
"""Entities of one transaction: runs wait for it for some dozens of milliseconds."""
MOST_REASONS = 20
MANY = 50_000
"""From so many entities on it is quicker to walk along the keys than to sort what the index of open ones finds."""

JobState = Literal["waiting", "running", "interrupted", "done", "failed"]
_job, _route, _entity = tables.job.c, tables.route.c, tables.entity.c


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """How far an action on many entities is."""

    id: int
    route: str
    what: str
    how: dict[str, Any]
    """The action's own arguments, such as its reason."""
    by: str
    asked: float
    state: JobState
    total: int
    """Entities that it was about when it was asked for."""
    looked_at: int
    done: int
    """Of these, what the action was carried out on."""
    left: tuple[str, ...]
    """Why others were left as they are."""
    finished: float | None
    error: str | None


def ask(database: Database, selection: Selection, what: str, how: Mapping[str, Any], by: str, now: float) -> int:
    """Note a job; its number. ``how``: the action's own arguments, such as ``reason``.

    Raises RunError where the arguments do not fit, or no entity does.
    """
    decision = _decision(selection, what, how, by, now)
    with database.write() as connection:
        route_id = known_route(connection, selection.route)
        total = connection.scalar(
            select(func.count()).select_from(tables.entity).where(*_fitting(connection, route_id, selection, decision))
        )
        if not total:
            raise RunError(f"{what}: no entity fits this description")
        values = {
            "route_id": route_id,
            "by": printable(by, 250),
            "asked": now,
            "what": what,
            "selection": selection.dump(),
            "how": msgspec.json.encode(how).decode(),
            "total": total,
        }
        number: int = connection.execute(insert(tables.job).values(**values).returning(_job.id)).scalar_one()
        return number


def find(database: Database, number: int, now: float) -> Job | None:
    """None: there is no such job."""
    jobs = _jobs(database, now, _job.id == number)
    return jobs[0] if jobs else None


def listed(database: Database, routes: Collection[str], now: float, limit: int = 50) -> list[Job]:
    """The newest jobs of these routes, newest first."""
    return _jobs(database, now, _route.name.in_(list(routes)), limit=limit)


def take(database: Database, now: float) -> int | None:
    """Lease the oldest job that nobody works on. None: there is none."""
    free = (_job.finished.is_(None), or_(_job.lease_until.is_(None), _job.lease_until < now))
    with database.write() as connection:
        oldest = select(_job.id).where(*free).order_by(_job.id).limit(1)
        if connection.dialect.name == "postgresql":
            oldest = oldest.with_for_update(skip_locked=True)
        number: int | None = connection.scalar(oldest)
        if number is not None:
            connection.execute(update(tables.job).where(_job.id == number).values(lease_until=now + JOB_SECONDS))
    return number


def step(database: Database, number: int, now: float) -> bool:
    """Do one piece of a job that was taken. Whether there is more to do."""
    with database.write() as connection:
        row = connection.execute(
            select(tables.job, _route.name)
            .join(tables.route, _route.id == _job.route_id)
            .where(_job.id == number)
            .with_for_update(of=tables.job)  # whoever lost the lease without knowing comes after this piece
        ).one()
        if row.finished is not None:
            return False
        selection = _selection(row)
        decision = _decision(selection, row.what, msgspec.json.decode(row.how), row.by, now)
        piece = connection.scalars(
            select(_entity.key)
            .where(*_fitting(connection, row.route_id, selection, decision))
            .where(_entity.key > (row.after or ""))
            .order_by(_entity.key if row.total > MANY else by_key(connection))
            .limit(PIECE)
        ).all()
        values: dict[str, Any] = {"lease_until": now + JOB_SECONDS}
        done = row.done
        if piece:
            acted = decide(connection, row.route_id, Selection(selection.route, frozenset(piece)), decision, now)
            done += acted.entities
            reasons = list(dict.fromkeys([*msgspec.json.decode(row.left, type=list[str]), *acted.left]))[:MOST_REASONS]
            values |= {
                "done": done,
                "looked_at": row.looked_at + len(piece),
                "after": piece[-1],
                "left": msgspec.json.encode(reasons).decode(),
            }
        more = len(piece) == PIECE
        if not more:
            values |= {"finished": now, "lease_until": None}
            record(connection, row.route_id, row.what, row.selection, done, by=row.by, now=now, detail=decision.detail)
        connection.execute(update(tables.job).where(_job.id == number).values(**values))
        return more


def give_up(database: Database, number: int, error: str, now: float) -> None:
    """The job cannot be done; what it has done so far stays, and is in the record of actions."""
    with database.write() as connection:
        row = connection.execute(select(tables.job).where(_job.id == number, _job.finished.is_(None))).one_or_none()
        if row is None:
            return
        values = {"finished": now, "lease_until": None, "error": printable(error, 1000)}
        connection.execute(update(tables.job).where(_job.id == number).values(**values))
        if row.done:
            record(connection, row.route_id, row.what, row.selection, row.done, by=row.by, now=now, detail=error)


def _jobs(database: Database, now: float, which: Any, *, limit: int = 1) -> list[Job]:
    query = (
        select(tables.job, _route.name)
        .join(tables.route, _route.id == _job.route_id)
        .where(which)
        .order_by(_job.id.desc())
        .limit(limit)
    )
    with database.read() as connection:
        return [
            Job(
                id=row.id,
                route=row.name,
                what=row.what,
                how=msgspec.json.decode(row.how),
                by=row.by,
                asked=row.asked,
                state=_state(row, now),
                total=row.total,
                looked_at=row.looked_at,
                done=row.done,
                left=tuple(msgspec.json.decode(row.left, type=list[str])),
                finished=row.finished,
                error=row.error,
            )
            for row in connection.execute(query)
        ]


def _state(row: Row[Any], now: float) -> JobState:
    if row.finished is not None:
        return "failed" if row.error else "done"
    if row.lease_until is None:
        return "waiting"
    return "running" if row.lease_until >= now else "interrupted"


def _selection(row: Row[Any]) -> Selection:
    plain = msgspec.json.decode(row.selection)
    return Selection(
        row.name,
        keys=frozenset(plain["keys"]) if "keys" in plain else None,
        statuses=frozenset(plain["statuses"]) if "statuses" in plain else None,
        fingerprint=plain.get("fingerprint"),
    )


def _decision(selection: Selection, what: str, how: Mapping[str, Any], by: str, now: float) -> Decision:
    if what == "retry":
        return retrying(by, now, from_step=how.get("from_step"))
    if what == "skip":
        return skipping(str(how.get("reason") or ""), by)
    if what == "confirm":
        became: Literal["delivered", "failed"] = "failed" if how.get("became") == "failed" else "delivered"
        return confirming(selection, became, by, now, reason=how.get("reason"))
    raise RunError(f"{what} is not an action for many entities; retry, skip and confirm are")


def _fitting(connection: Connection, route_id: int, selection: Selection, decision: Decision) -> list[Any]:
    """SQL: what is looked at. Whether an entity may be touched :func:`decide` decides once more."""
    statuses = decision.allowed & selection.statuses if selection.statuses else decision.allowed
    only_open = selection.fingerprint is not None or statuses <= KEPT
    conditions: list[Any] = [
        open_of(connection, [route_id]) if only_open else _entity.route_id == route_id,
        _entity.status.in_(sorted(statuses)),
    ]
    if selection.fingerprint is not None:
        conditions.append(_entity.fingerprint == selection.fingerprint)
    if selection.keys is not None:
        conditions.append(among(connection, _entity.key, [key for key in sorted(selection.keys) if "\n" not in key]))
    return conditions
