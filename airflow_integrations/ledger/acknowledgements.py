"""What the senders of interchanges are answered: written once, when the piece that an interchange came in counts as
read, and kept for the routes that answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec
from sqlalchemy import Connection, func, insert, select

from airflow_integrations.entity import content_hash
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.transactions import reading

__all__ = [
    "KeptAcknowledgement",
    "acknowledgements_between",
    "before_oldest_acknowledgement",
    "newest_acknowledgement",
    "note_acknowledgements",
]

AT_ONCE, IDS_AT_ONCE = 200, 1_000
_a = tables.acknowledgement.c
_piece = tables.source_piece.c


class KeptAcknowledgement(msgspec.Struct, frozen=True):
    """One that a route reads."""

    number: int
    at: float
    """Seconds since the epoch."""
    content: str
    """JSON."""


def note_acknowledgements(
    connection: Connection, run: RunRef, pieces: Iterable[str], answers: Iterable[tuple[str, str]], now: float
) -> None:
    """Write those of the ``pieces`` that no run of the route has read before: this transaction says that they are.

    ``answers``: the piece that each is about, and its content as JSON. To be called before :func:`note_pieces`, behind
    :func:`lock_route`.
    """
    ids = {content_hash(name.encode()): name for name in pieces}
    fresh = set(ids.values())
    every = sorted(ids)
    for first in range(0, len(every), IDS_AT_ONCE):
        some = among(connection, _piece.id, every[first : first + IDS_AT_ONCE])
        known = select(_piece.id).where(_piece.route_id == run.route_id, some)
        fresh -= {ids[each] for each in connection.scalars(known)}
    number = newest_acknowledgement(connection, run.route_id)
    wanted = (content for piece, content in answers if piece in fresh)
    while batch := list(islice(wanted, AT_ONCE)):
        rows = [
            {"route_id": run.route_id, "number": at, "at": now, "content": content}
            for at, content in enumerate(batch, number + 1)
        ]
        connection.execute(insert(tables.acknowledgement), rows)
        number += len(rows)


def newest_acknowledgement(connection: Connection, route_id: int) -> int:
    """The number of the last one of the route, which is never forgotten; 0: there is none."""
    return connection.scalar(select(func.max(_a.number)).where(_a.route_id == route_id)) or 0


def before_oldest_acknowledgement(connection: Connection, route_id: int) -> int:
    """The position of whoever begins with the oldest one of the route that is kept."""
    oldest = connection.scalar(select(func.min(_a.number)).where(_a.route_id == route_id))
    return newest_acknowledgement(connection, route_id) if oldest is None else int(oldest) - 1


@reading
def acknowledgements_between(
    connection: Connection, route: str, after: int, upto: int, most: int
) -> Sequence[KeptAcknowledgement]:
    """Those of the route with these numbers that are kept, in their order, ``most`` of them; ``after`` is not among
    them."""
    rows = connection.execute(
        select(_a.number, _a.at, _a.content)
        .join(tables.route, tables.route.c.id == _a.route_id)
        .where(tables.route.c.name == route, _a.number > after, _a.number <= upto)
        .order_by(_a.number)
        .limit(most)
    )
    return [KeptAcknowledgement(*row) for row in rows]
