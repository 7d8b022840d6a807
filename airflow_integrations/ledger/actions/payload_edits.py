"""A payload that a person mends: kept beside the staged one, and sent instead of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, insert, select, update

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.actions.action_log import record
from airflow_integrations.ledger.actions.selection import Selection, from_statuses
from airflow_integrations.ledger.runs.history import prepended
from airflow_integrations.ledger.runs.leases import lease_of
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import lock_route
from airflow_integrations.ledger.storage.route_ids import known_route

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["EDITABLE", "LARGEST_PAYLOAD", "checked", "edit"]

LARGEST_PAYLOAD = 1024 * 1024
"""Bytes of an edited payload, at most: it is kept in the ledger."""
EDITABLE = from_statuses("retrying") - {"skipped"}
"""Those that are not closed and that no run has in flight."""

_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_e = tables.entity.c


def edit(database: Database, route: str, key: str, payload: str, by: str, now: float) -> None:
    """Keep ``payload``, a JSON object, in place of the entity's staged payload; it is sent with its next attempt.

    What it replaces is the payload where the entity stopped: the record as it was fetched where it was rejected, what
    would have been sent otherwise. The entity's status stays: retry sends it. Where a run meets another
    state of it before that, the edit is dropped, and its history says so. Raises RunError for what is not JSON object,
    larger than LARGEST_PAYLOAD, or of an entity that is closed, unknown or in flight.
    """
    compact = checked(payload)
    with database.write() as connection:
        route_id = known_route(connection, route)
        lock_route(connection, route_id)
        row = connection.execute(
            select(_e.status, _e.payload_stage, _e.version).where(_e.route_id == route_id, _e.key == key)
        ).one_or_none()
        if row is None:
            raise RunError(f"the ledger does not know {key} of the route {route}")
        if row.status not in EDITABLE or lease_of(connection, route_id, key, now) is not None:
            raise RunError(
                f"{key} is {row.status if row.status not in EDITABLE else 'in flight'}: "
                f"a payload can be edited while it is {', '.join(sorted(EDITABLE))}"
            )
        if row.payload_stage is None:
            raise RunError(f"{key} has no payload in the ledger: fetch it again")
        overlay = tables.overlay
        connection.execute(delete(overlay).where(overlay.c.route_id == route_id, overlay.c.key == key))
        connection.execute(
            insert(overlay).values(
                route_id=route_id,
                key=key,
                stage=row.payload_stage,
                payload=compact,
                by=by[:250],
                at=now,
                version=row.version,
            )
        )
        connection.execute(
            update(tables.entity)
            .where(_e.route_id == route_id, _e.key == key, _e.status.in_(sorted(EDITABLE)))
            .values(history=prepended(now, row.status, f"payload edited by {by}"))
        )
        selection = Selection(route, keys=frozenset({key}))
        record(connection, route_id, "edit", selection.dump(), 1, by=by, now=now, detail=f"{len(compact)} characters")


def _where(encoded: bytes, error: Exception) -> str:
    """The reason with the line, as an editor counts them, instead of the byte that msgspec names."""
    text = str(error).removeprefix("JSON is malformed: ")
    if isinstance(error, msgspec.ValidationError):
        return f"the payload must be one JSON object: {text}"
    reason, byte, rest = text.partition(" (byte ")
    before = encoded[: int(rest.rstrip(")"))] if byte and rest.rstrip(")").isdecimal() else encoded.rstrip()
    line = before.count(b"\n") + 1
    return f"invalid JSON at line {line}: {reason}"


def checked(payload: str) -> str:
    """The payload on one line, every number with its digits. Raises RunError as :func:`edit` does."""
    try:
        encoded = payload.encode()
    except UnicodeEncodeError:
        raise RunError("the payload has half of a surrogate pair (a character cut in two)") from None
    if len(encoded) > LARGEST_PAYLOAD:
        raise RunError(f"the payload has {len(encoded)} bytes; at most {LARGEST_PAYLOAD} can be kept in the ledger")
    try:
        _object.decode(encoded)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise RunError(_where(encoded, error)) from None
    if "\\u0000" in payload:
        raise RunError("the payload has the character U+0000, which no system takes")
    return msgspec.json.format(encoded, indent=-1).decode()
