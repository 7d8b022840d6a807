"""What lookups create where they find nothing: claimed before it is sent, noted when it is there.

A claim outlives whoever made it. What died between *sent* and *made* may have taken effect: whoever comes next searches
again, and sends again with the same idempotency key.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.transactions import writing
from airflow_integrations.ledger.storage.upsert import insert_into

__all__ = ["MADE_SECONDS", "Claimed", "claim_creation", "drop_creation", "note_made", "note_sent", "prune_creations"]

MADE_SECONDS = 900.0
"""For so long what was created counts as there although a search does not find it. After that it was deleted."""
FORGOTTEN_SECONDS = 30 * 86_400.0
"""A creation whose outcome nobody has learned is forgotten after so long: nobody asks for it any more."""

_creation = tables.creation.c


class Claimed(msgspec.Struct, frozen=True):
    """Whether the caller may create it."""

    state: Literal["mine", "busy", "made"]
    """``busy``: somebody else is about to. ``made``: it was created a moment ago."""
    sent: float | None = None
    """When it was first sent, perhaps by somebody who died: search again before sending it. None: never."""
    found: bytes | None = None
    """The object that was created, JSON, where its answer held it."""


@writing
def claim_creation(connection: Connection, question: str, holder: str, *, now: float, until: float) -> Claimed:
    """Claim it for ``holder`` (the same one for all attempts of a run) until that moment."""
    connection.execute(
        insert_into(connection, tables.creation).values(question=question, lease_until=0.0).on_conflict_do_nothing()
    )
    row = connection.execute(select(tables.creation).where(_creation.question == question).with_for_update()).one()
    if row.answered is not None and row.answered > now - MADE_SECONDS:
        return Claimed("made", row.sent, row.found)
    if row.answered is None and row.holder != holder and row.lease_until > now:
        return Claimed("busy")
    anew = {"sent": None, "answered": None, "found": None} if row.answered is not None else {}
    connection.execute(
        update(tables.creation).where(_creation.question == question).values(holder=holder, lease_until=until, **anew)
    )
    return Claimed("mine", None if anew else row.sent)


@writing
def note_sent(connection: Connection, question: str, holder: str, now: float) -> float | None:
    """Note that it is about to be sent, before it is. Returns when that was so first: the same for each attempt.

    None: somebody else has the claim.
    """
    mine = (_creation.question == question, _creation.holder == holder, _creation.answered.is_(None))
    connection.execute(update(tables.creation).where(*mine, _creation.sent.is_(None)).values(sent=now))
    found: float | None = connection.scalar(select(_creation.sent).where(*mine))
    return found


@writing
def note_made(connection: Connection, question: str, found: bytes | None, now: float) -> None:
    """The service has confirmed it."""
    connection.execute(
        update(tables.creation)
        .where(_creation.question == question)
        .values(answered=now, found=found, holder=None, lease_until=0.0)
    )


@writing
def drop_creation(connection: Connection, question: str, holder: str, *, unknown: bool = False) -> None:
    """Give the claim up. ``unknown``: it was sent, and nobody knows what became of it; that stays noted."""
    mine = (_creation.question == question, _creation.holder == holder, _creation.answered.is_(None))
    if unknown:
        connection.execute(update(tables.creation).where(*mine).values(holder=None, lease_until=0.0))
    else:
        connection.execute(delete(tables.creation).where(*mine))


@writing
def prune_creations(connection: Connection, now: float) -> None:
    """Forget what a search finds by now, and what nobody asks for any more."""
    connection.execute(
        delete(tables.creation).where(
            _creation.lease_until < now,
            or_(
                _creation.answered < now - MADE_SECONDS,
                _creation.answered.is_(None) & (_creation.sent.is_(None) | (_creation.sent < now - FORGOTTEN_SECONDS)),
            ),
        )
    )
