"""Table to table on PostgreSQL: a route, and a hand-written script that copies in batches and merges.

``python -m bench.sql URL TOTAL route|script``: URL is an empty database of its own; the source is made first, and is
not measured. Prints a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg

from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.sql.database import Database
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from bench.through_engine import Loopback, peak_mb, through

__all__ = ["BATCH", "made", "main", "script"]

BATCH = 2_000
COLUMNS = "id, number, customer, email, street, city, zip, country, total, paid, created_at, updated_at"
TABLE = """(id bigint PRIMARY KEY, number text NOT NULL, customer int NOT NULL, email text, street text, city text,
zip text, country char(2), total numeric(12, 2) NOT NULL, paid boolean NOT NULL, created_at timestamptz,
updated_at timestamptz)"""


def made(dsn: str, total: int) -> None:
    """The source with its rows, and the empty target."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS source, target")
        for name in ("source", "target"):
            connection.execute(f"CREATE TABLE {name} {TABLE}")
        connection.execute(
            f"""INSERT INTO source ({COLUMNS}) SELECT n, 'W-' || lpad(n::text, 9, '0'), mod(n, 5000), n || '@x.example',
            'Calle Mayor ' || n, 'Madrid', '28013', 'ES', n / 7.0, mod(n, 3) > 0, now() - n * interval '1 s', now()
            FROM generate_series(1, {int(total)}) n"""
        )
        connection.execute("ANALYZE source")


def script(dsn: str) -> float:
    """As somebody writes it in an afternoon: a cursor, COPY into a temporary table, one statement that merges."""
    begun = time.perf_counter()
    sets = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[1:])
    with psycopg.connect(dsn) as source, psycopg.connect(dsn) as target, source.cursor("reading") as reading:
        target.execute("CREATE TEMPORARY TABLE copy ON COMMIT DELETE ROWS AS SELECT * FROM target WITH NO DATA")
        target.commit()
        reading.execute(f"SELECT {COLUMNS} FROM source ORDER BY id")
        while rows := reading.fetchmany(BATCH):
            with target.cursor() as cursor:
                with cursor.copy(f"COPY copy ({COLUMNS}) FROM STDIN") as into:
                    for row in rows:
                        into.write_row(row)
                cursor.execute(
                    f"INSERT INTO target ({COLUMNS}) SELECT {COLUMNS} FROM copy ON CONFLICT (id) DO UPDATE SET {sets}"
                )
            target.commit()
    return time.perf_counter() - begun


class _Databases(Loopback):
    """Every Connection is this database."""

    def database(self, connection: str) -> Database:
        return Database(connection, self.url)


async def by_route(url: str, ledger: str, passes: int) -> dict[str, Any]:
    """The same job as a route, ledger and staging included."""
    logging.basicConfig(level=logging.WARNING)
    for module in ("incoming.sql.source", "outgoing.sql.target", "expressions.evaluation.compiler"):
        import_module(f"airflow_integrations.{module}")
    definition = {
        "route": "bench",
        "entity": {"name": "order", "key": "order.id"},
        "incoming": {"sql": {"connection": "db", "table": "source"}},
        "outgoing": {"sql": {"connection": "db", "table": "target", "key": "id"}},
        "delivery": {"batch": BATCH, "concurrency": 2},
    }
    before, found = peak_mb(), []
    with tempfile.TemporaryDirectory() as folder:
        route = Route.load(definition)
        place = ledger if "://" in ledger else f"sqlite:///{folder}/ledger.db"
        for number in range(passes):
            run = Run(route, f"run-{number}", Window(EPOCH, EPOCH))
            staging = Staging(Path(folder), "bench", run.run_id)
            found.append(await through(run, _Databases(url), place, staging))
    return {**found[0], "again": found[1:], "memory_mb": round(peak_mb() - before, 1)}


def main(url: str, total: int, how: str) -> dict[str, Any]:
    """One measurement."""
    dsn = url.replace("+psycopg", "")
    made(dsn, total)
    told = {"seconds": script(dsn)} if how == "script" else asyncio.run(by_route(url, "sqlite", 1))
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*), sum(total) = (SELECT sum(total) FROM source) FROM target").fetchone()
    if row != (total, True):
        raise SystemExit(f"{how} wrote {row}, not {total} rows")
    return told


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]), default=str))
