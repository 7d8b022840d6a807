"""What a ledger may hold and a demo does not: long keys, many routes, records without a key, jobs for nothing."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update
from web_scene import ORDERS, Server, flow, stopped

from airflow_integrations.ledger.actions import bulk_jobs
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.storage import tables

__all__ = ["LONG", "Kept", "filled", "routes_of_old"]

LONG = "Order-" + "ÄW" * 253
"""A key of the most characters, without a place to break it."""
RUN = "scheduled__1"


async def filled(server: Server) -> None:
    """Runs of ``orders``: everything that a page may have to show of its entities."""
    keyless: list[dict[str, Any]] = [{**ORDERS[0], "number": None, "note": "x" * 400}, {**ORDERS[0], "number": None}]
    await flow(server, "orders", RUN, [*ORDERS, {**ORDERS[0], "number": LONG}, *keyless])
    await flow(server, "orders", "scheduled__2", ORDERS[5:8])  # they are unchanged
    stopped(server, "orders", {LONG: 37, "0001": 1}, message=f"{'no-place-to-break-' * 40} is refused")
    stopped(server, "orders", {"0003": 3}, fingerprint="e" * 16, payload_run=None)
    with server.database() as database:
        entity = tables.entity.c
        with database.write() as connection:
            connection.execute(
                update(tables.entity).where(entity.key == "0002").values(target_id="T-" + "9" * 400, version="v" * 500)
            )
        nothing = Selection("orders", fingerprint="e" * 16)
        number = bulk_jobs.ask(database, nothing, "retry", {}, "console:ann", time.time())
        while bulk_jobs.step(database, number, time.time()):
            pass


def routes_of_old(server: Server, count: int) -> None:
    """Routes that the ledger knows and that have no DAG any more; each ran once."""
    with server.database() as database, database.write() as connection:
        first = (connection.scalar(select(func.max(tables.route.c.id))) or 0) + 1
        connection.execute(
            insert(tables.route), [{"id": first + at, "name": f"erp_export_to_{at:03}"} for at in range(count)]
        )
        run = {"kind": "manual", "window_start": "a", "window_end": "b", "route_hash": "h", "staging": ""}
        now = time.time()
        connection.execute(
            insert(tables.run),
            [
                {**run, "route_id": first + at, "run_id": "1", "started": now - 60, "finished": now, "counts": "{}"}
                for at in range(count)
            ],
        )


class Kept:
    """What a server's ledger and staging hold now; :meth:`put_back` gives it to them when they were emptied."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.staging = server, folder / "staging"
        shutil.copytree(server.staging, self.staging)
        with server.database() as database, database.read() as connection:
            self.rows = {
                table: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in tables.metadata.sorted_tables
                if table is not tables.identity  # which is never emptied
            }

    def put_back(self) -> None:
        shutil.copytree(self.staging, self.server.staging)
        with self.server.database() as database, database.write() as connection:
            for table, rows in self.rows.items():
                if rows:
                    connection.execute(insert(table), rows)
