"""What people decide about entities: retry, skip, confirm. Each is one transaction and leaves one row of ``action``.

Which status may follow which is :data:`~airflow_integrations.ledger.status.TRANSITIONS`'s; it is in the WHERE of every
statement, so that an entity that a run takes in the same moment is left to the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import CursorResult, case, delete, null, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger import schema
from airflow_integrations.ledger.bulk import among, lock_route
from airflow_integrations.ledger.decision import prepended, record
from airflow_integrations.ledger.fingerprint import fingerprint
from airflow_integrations.ledger.history import printable
from airflow_integrations.ledger.lookup import known_route
from airflow_integrations.ledger.selection import Acted, Selection, choose, chunks, from_statuses
from airflow_integrations.ledger.status import CLOSED, Status

if TYPE_CHECKING:
    from airflow_integrations.ledger.database import Database

__all__ = ["CONFIRMABLE", "RETRIABLE", "SKIPPABLE", "confirm", "count", "retry", "skip"]

MOST_MESSAGE = 1000
"""Characters that are kept of an error's message."""
LONGEST_TARGET_ID = 512

RETRIABLE = from_statuses("retrying")
SKIPPABLE = from_statuses("skipped")
CONFIRMABLE = from_statuses("delivered", people=frozenset({"in_doubt", "waiting"}))
"""Only the target knows what became of these."""

_e = schema.entity.c
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


def retry(database: Database, selection: Selection, by: str, now: float) -> Acted:
    """Send them again with the route's next run, whatever their next attempt was; their attempts begin at 0.

    Raises RunError with the reasons where that is possible for none of them.
    """
    values = {
        "attempts": 0,
        "since": now,
        "next_attempt": now,
        "deadline": None,
        "lease_until": None,
    }
    return _act(database, selection, "retry", "retrying", RETRIABLE, values, f"retry by {by}", by, now, payload=True)


def skip(database: Database, selection: Selection, reason: str, by: str, now: float) -> Acted:
    """Close them undelivered. A new state of them, should one come, is delivered as usual. Raises RunError as retry."""
    if not reason.strip():
        raise RunError("say why they are skipped: the reason stays in their history")
    return _act(database, selection, "skip", "skipped", SKIPPABLE, _CLOSED, f"{reason} (by {by})", by, now, reason)


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
    if target_id is not None and (became != "delivered" or len(selection.keys or ()) != 1):
        raise RunError("a target id belongs to one entity, named by its key, that was delivered")
    if target_id is not None and not 0 < len(target_id) <= LONGEST_TARGET_ID:
        raise RunError(f"a target id has 1 to {LONGEST_TARGET_ID} characters, not {len(target_id)}")
    if became == "failed":
        if reason is None or not reason.strip():
            raise RunError("say why they failed at the target: the reason is what people look for")
        message = printable(reason, MOST_MESSAGE)
        values: dict[str, Any] = {
            "error_class": "refused",
            "http_status": None,
            "message": message,
            "fingerprint": fingerprint("refused", None, message),
            "next_attempt": None,
            "deadline": None,
            "lease_until": None,
        }
        said = f"{reason} (confirmed by {by})"
        return _act(database, selection, "confirm", "failed", CONFIRMABLE, values, said, by, now, f"failed: {reason}")
    values = {
        **_CLOSED,
        "delivered_hash": case((_e.deleted, null()), else_=_e.hash),
        "delivered_version": _e.version,
        "delivered_at": now,
        "deliveries": _e.deliveries + 1,
    }
    if target_id is not None:
        values["target_id"] = target_id
    said = f"confirmed by {by}" + (f": {reason}" if reason else "")
    return _act(database, selection, "confirm", "delivered", CONFIRMABLE, values, said, by, now, reason or "delivered")


def _act(
    database: Database,
    selection: Selection,
    what: str,
    after: Status,
    allowed: frozenset[Status],
    values: dict[str, Any],
    said: str,
    by: str,
    now: float,
    detail: str | None = None,
    *,
    payload: bool = False,
) -> Acted:
    with database.write() as connection:
        route_id = known_route(connection, selection.route)
        lock_route(connection, route_id)
        chosen = choose(connection, route_id, selection, allowed, now=now, payload=payload)
        acted = 0
        for keys in chunks(chosen.keys):
            changed = connection.execute(
                update(schema.entity)
                .where(_e.route_id == route_id, among(connection, _e.key, keys), _e.status.in_(sorted(allowed)))
                .values(status=after, changed=now, history=prepended(now, after, said), **values)
            )
            acted += cast("CursorResult[Any]", changed).rowcount
            if after in CLOSED:
                connection.execute(
                    delete(schema.overlay).where(
                        schema.overlay.c.route_id == route_id, among(connection, schema.overlay.c.key, keys)
                    )
                )
        if not acted:
            raise RunError(f"{what}: " + ("; ".join(chosen.left) or "no entity fits this description"))
        record(connection, route_id, what, selection.dump(), acted, by=by, now=now, detail=detail)
    return Acted(acted, chosen.left)
