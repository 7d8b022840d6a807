"""Retry, skip and confirm entities. Each is one transaction and leaves one row of ``action``.

Which status may follow which is :data:`~airflow_integrations.ledger.status.TRANSITIONS`'s; it is in the WHERE of every
statement, so that an entity that a run takes in the same moment is left to the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import Connection, CursorResult, and_, case, delete, null, text, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.actions.selection import Acted, Selection, choose, chunks, from_statuses
from airflow_integrations.ledger.actions.step_restarts import after_action, confirmed_there
from airflow_integrations.ledger.runs.error_fingerprint import fingerprint
from airflow_integrations.ledger.runs.history import prepended, printable
from airflow_integrations.ledger.runs.progress import partly_there
from airflow_integrations.ledger.runs.unanswered_sql import AFTER_DELIVERY, WITHOUT_NEWEST
from airflow_integrations.ledger.runs.waits import wake
from airflow_integrations.ledger.status import CLOSED, Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, lock_route
from airflow_integrations.ledger.storage.route_ids import known_route

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = [
    "CONFIRMABLE",
    "RETRIABLE",
    "SKIPPABLE",
    "Decision",
    "confirm",
    "confirming",
    "count",
    "decide",
    "retry",
    "retrying",
    "skip",
    "skipping",
]

MOST_MESSAGE = 1000
"""Characters that are kept of an error's message."""
LONGEST_TARGET_ID = 512

RETRIABLE = from_statuses("retrying")
SKIPPABLE = from_statuses("skipped")
CONFIRMABLE = from_statuses("delivered", people=frozenset({"in_doubt", "waiting"}))
"""Only the target knows what became of these."""

_e = tables.entity.c
_CLOSED: dict[str, Any] = {
    "hash": None,
    "attempts": 0,
    "since": None,
    "next_attempt": None,
    "deadline": None,
    "error_class": None,
    "fingerprint": None,
    "message": None,
    "http_status": None,
    "lease_until": None,
}
"""What a closed entity has no longer."""


def count(database: Database, selection: Selection, allowed: frozenset[Status], now: float) -> int:
    """How many entities an action on this selection would touch. Raises RunError for an unknown route."""
    with database.read() as connection:
        route_id = known_route(connection, selection.route)
        return len(choose(connection, route_id, selection, allowed, now=now).keys)


def retry(database: Database, selection: Selection, by: str, now: float, *, from_step: str | None = None) -> Acted:
    """Send them again with the route's next run, whatever their next attempt was; their attempts begin at 0.

    Of entities that go in steps those that the target has confirmed are not sent again, but for ``from_step`` and those
    behind it; the one in doubt is. Raises RunError with the reasons where that is possible for none of them.
    """
    return _act(database, selection, retrying(by, now, from_step=from_step), by, now)


def skip(database: Database, selection: Selection, reason: str, by: str, now: float) -> Acted:
    """Close them undelivered. A new state of them, should one come, is delivered as usual. Raises RunError as retry."""
    return _act(database, selection, skipping(reason, by), by, now)


def confirm(
    database: Database,
    selection: Selection,
    became: Literal["delivered", "failed"],
    by: str,
    now: float,
    *,
    reason: str | None = None,
    target_id: str | None = None,
) -> Acted:
    """What the target says became of entities that are waiting or in doubt.

    ``reason`` is needed where they failed; ``target_id`` is for one entity that was delivered. Raises RunError as
    :func:`retry`, and where these do not fit.
    """
    decision = confirming(selection, became, by, now, reason=reason, target_id=target_id)
    return _act(database, selection, decision, by, now)


@dataclass(frozen=True, slots=True)
class Decision:
    """What an action makes of each entity that it may touch."""

    what: str
    after: Status
    allowed: frozenset[Status]
    """From which statuses."""
    values: Mapping[str, Any]
    said: str
    """The line in the entity's history."""
    detail: str | None = None
    """For the record of actions."""
    payload: bool = False
    """Only entities whose payload is still there."""
    from_step: str | None = None
    """Only entities of which the target has confirmed this step: it is sent again, and those behind it."""


def retrying(by: str, now: float, *, from_step: str | None = None) -> Decision:
    """See :func:`retry`."""
    values = {"attempts": 0, "since": now, "next_attempt": now, "deadline": None, "lease_until": None}
    said, detail = f"retry by {by}", None
    if from_step is not None:
        said, detail = f"retry from the step {printable(from_step, 100)} by {by}", f"from the step {from_step}"
    return Decision("retry", "retrying", RETRIABLE, values, said, detail, payload=True, from_step=from_step)


def skipping(reason: str, by: str) -> Decision:
    """See :func:`skip`. Raises RunError without a reason."""
    if not reason.strip():
        raise RunError("say why they are skipped: the reason stays in their history")
    return Decision("skip", "skipped", SKIPPABLE, _CLOSED, f"{reason} (by {by})", reason)


def confirming(
    selection: Selection,
    became: Literal["delivered", "failed"],
    by: str,
    now: float,
    *,
    reason: str | None = None,
    target_id: str | None = None,
) -> Decision:
    """See :func:`confirm`. Raises RunError for what does not fit together."""
    if target_id is not None and (became != "delivered" or len(selection.keys or ()) != 1):
        raise RunError("a target id belongs to one entity, named by its key, that was delivered")
    if target_id is not None and not 0 < len(target_id) <= LONGEST_TARGET_ID:
        raise RunError(f"a target id has 1 to {LONGEST_TARGET_ID} characters, not {len(target_id)}")
    if became == "failed":
        if reason is None or not reason.strip():
            raise RunError("say why they failed at the target: the reason is what people look for")
        message = printable(reason, MOST_MESSAGE)
        without = WITHOUT_NEWEST.format(e=tables.entity.name, sent=f"{tables.entity.name}.hash")
        values: dict[str, Any] = {
            "error_class": "refused",
            "http_status": None,
            "message": message,
            "fingerprint": fingerprint("refused", None, message),
            "next_attempt": None,
            "deadline": None,
            "lease_until": None,
            "maybe": case((partly_there(), _e.maybe), else_=text(f"({without})")),
            "unheard": case((and_(_e.maybe.like("%,%"), ~partly_there()), _e.unheard - 1), else_=_e.unheard),
        }
        said = f"{reason} (confirmed by {by})"
        return Decision("confirm", "failed", CONFIRMABLE, values, said, f"failed: {reason}")
    values = {
        **_CLOSED,
        "delivered_hash": case((_e.deleted, null()), else_=_e.hash),
        "delivered_version": _e.version,
        "delivered_at": now,
        "deliveries": _e.deliveries + 1,
        "maybe": None,
        "unheard": text(AFTER_DELIVERY.format(e=tables.entity.name)),
    }
    if target_id is not None:
        values["target_id"] = target_id
    said = f"confirmed by {by}" + (f": {reason}" if reason else "")
    return Decision("confirm", "delivered", CONFIRMABLE, values, said, reason or "delivered")


def _act(database: Database, selection: Selection, decision: Decision, by: str, now: float) -> Acted:
    with database.write() as connection:
        route_id = known_route(connection, selection.route)
        acted = decide(connection, route_id, selection, decision, now)
        if not acted.entities:
            raise RunError(f"{decision.what}: " + ("; ".join(acted.left) or "no entity fits this description"))
        record(
            connection,
            route_id,
            decision.what,
            selection.dump(),
            acted.entities,
            by=by,
            now=now,
            detail=decision.detail,
        )
    return acted


def decide(connection: Connection, route_id: int, selection: Selection, decision: Decision, now: float) -> Acted:
    """Carry it out in the connection's transaction; the record of it is the caller's."""
    lock_route(connection, route_id)
    chosen = choose(connection, route_id, selection, decision.allowed, now=now, payload=decision.payload)
    if decision.from_step is not None:
        chosen = confirmed_there(connection, route_id, chosen, decision.from_step)
    acted = 0
    for keys in chunks(chosen.keys):
        fitting = (_e.route_id == route_id, among(connection, _e.key, keys), _e.status.in_(sorted(decision.allowed)))
        changed = connection.execute(
            update(tables.entity)
            .where(*fitting)
            .values(
                status=decision.after,
                changed=now,
                history=prepended(now, decision.after, decision.said),
                **decision.values,
            )
        )
        acted += cast("CursorResult[Any]", changed).rowcount
        after_action(connection, route_id, keys, decision.after, decision.from_step)
        if decision.after == "delivered":
            wake(connection, route_id, keys, now)
        if decision.after in CLOSED:
            connection.execute(
                delete(tables.overlay).where(
                    tables.overlay.c.route_id == route_id, among(connection, tables.overlay.c.key, keys)
                )
            )
    return Acted(acted, chosen.left)
