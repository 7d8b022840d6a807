"""Pieces of a source, such as files, that a route has read. Each counts once its run has settled every entity of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from airflow_integrations.entity import content_hash
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import ROWS, among, write_rows
from airflow_integrations.ledger.storage.transactions import reading

__all__ = ["known_pieces", "note_pieces"]

_piece = tables.source_piece.c
IDS_AT_ONCE = 1_000
_INSERT = f"""
INSERT INTO {tables.source_piece.name} (route_id, id, run, intact)
SELECT r.route_id, r.id, r.run, r.intact = 1 FROM {ROWS} WHERE true
ON CONFLICT (route_id, id) DO UPDATE SET run = excluded.run, intact = excluded.intact
"""  # noqa: S608


@reading
def known_pieces(connection: Connection, route: str, run_id: str, names: Sequence[str]) -> dict[str, bool]:
    """Those of the pieces that the route has read in another run than ``run_id``, each with whether it was intact."""
    ids = {content_hash(name.encode()): name for name in names}
    found: dict[str, bool] = {}
    wanted = sorted(ids)
    for first in range(0, len(wanted), IDS_AT_ONCE):
        rows = connection.execute(
            select(_piece.id, _piece.intact)
            .join(tables.route, tables.route.c.id == _piece.route_id)
            .join(tables.run, tables.run.c.id == _piece.run, isouter=True)
            .where(
                tables.route.c.name == route,
                among(connection, _piece.id, wanted[first : first + IDS_AT_ONCE]),
                tables.run.c.run_id.is_distinct_from(run_id),
            )
        )
        found |= {ids[row.id]: bool(row.intact) for row in rows}
    return found


def note_pieces(connection: Connection, run: RunRef, pieces: Sequence[tuple[str, bool]]) -> None:
    """Every entity of these pieces has its fate: they need not be read again. Each with whether it was intact."""
    if pieces:
        rows = sorted({(run.route_id, content_hash(name.encode()), run.id, int(intact)) for name, intact in pieces})
        columns = {"route_id": "integer", "id": "text", "run": "integer", "intact": "integer"}
        write_rows(connection, _INSERT, columns, rows)  # type: ignore[arg-type]
