"""``python -m chaos.sql``: a push that only adds rows is killed again and again; each row is there once.

One line of JSON a database (SQLite, and PostgreSQL and MariaDB where their servers answer); exit 1 where anything is
not as it must be. ``--kills`` says how often, ``--seed`` repeats the same draws.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.outgoing.sql.transaction import BatchWriter
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.sql.database import Database
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

__all__ = ["main"]

ADMINS = {
    "sqlite": "",
    "postgresql": os.environ.get("TEST_POSTGRES_DSN", "postgresql://127.0.0.1:5432/postgres"),
    "mariadb": os.environ.get("TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1:3306"),
}
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
BATCH = 20
SLOW = 0.1
"""What is committed is heard of so many seconds later at most: kills are to fall in between."""


class _Here:
    """The Connection ``target`` is the database of the test."""

    def __init__(self, url: str) -> None:
        self._url = url

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, "http://127.0.0.1:9")

    def variable(self, name: str) -> str | None:
        return None

    def database(self, connection: str) -> Database:
        return Database(connection, self._url)


def _route() -> Route:
    return Route.load(
        {
            "route": "chaos_sql",
            "entity": {"name": "thing", "key": "thing.id"},
            "incoming": {"http": {"connection": "nowhere", "path": "/"}},
            "outgoing": {
                "sql": {
                    "connection": "target",
                    "table": "got",
                    "mode": "append",
                    "also": [{"table": "audit", "mode": "append", "columns": {"item_id": "thing.id"}}],
                }
            },
            "delivery": {"batch": BATCH, "concurrency": 4},
        }
    )


def work(url: str, folder: str, entities: int, mouth: Connection) -> None:
    """The run, from where an earlier process left it. Tells when the first batch is written, and what came of it."""
    logging.disable(logging.CRITICAL)
    write, rng = BatchWriter.write, random.Random(os.getpid())
    begun: list[bool] = []

    def slowly(self: BatchWriter, *args: Any) -> Any:
        if not begun:
            begun.append(True)
            mouth.send("push")
        results = write(self, *args)
        time.sleep(rng.uniform(0, SLOW))
        return results

    BatchWriter.write = slowly  # type: ignore[assignment, method-assign]
    mouth.send(asyncio.run(_work(url, folder, entities)))


async def _work(url: str, folder: str, entities: int) -> dict[str, int]:
    given = tuple({"id": number, "name": f"item {number}"} for number in range(entities))
    run = Run(_route(), "run-1", WINDOW, entities=given)
    staging = Staging(Path(folder), run.route.route, run.run_id)
    ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
    async with Services(_Here(url), ledger=ledger) as services:
        fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
        if fetched is None or not fetched.complete:
            await fetch(run, services, staging)
        if transformed is None or not transformed.complete:
            await transform(run, services, staging)
        pushed = await push(run, services, staging)
        balance = await settle(run, services, staging)
    ledger.close()
    return {**pushed.counts, "balanced": int(balance.balanced)}


def rehearse(database: str, url: str, *, kills: int, entities: int, rng: random.Random) -> dict[str, Any]:
    """Kill the run as often as asked, then let it end. In the figures ``wrong`` says what is not as it must be."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["chaos.preload"])
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE got (id int, name varchar(40))")
        connection.exec_driver_sql("CREATE TABLE audit (item_id int)")
    began, killed, unheard, told = time.monotonic(), 0, 0, None
    with tempfile.TemporaryDirectory(prefix="chaos-sql-") as folder:
        while not isinstance(told, dict):
            ear, mouth = forks.Pipe(duplex=False)
            process = forks.Process(target=work, args=(url, folder, entities, mouth), daemon=True)
            process.start()
            mouth.close()
            told = _heard(ear)
            if killed < kills and told == "push" and not ear.poll(rng.uniform(0.05, 0.5)):
                os.kill(process.pid or 0, signal.SIGKILL)
                killed += 1
            elif told == "push":
                told = _heard(ear)
            process.join()
            ear.close()
            if told is None and process.exitcode != -signal.SIGKILL:
                raise RuntimeError(f"a worker failed with {process.exitcode}")
            if told == "push":
                journal = Journal.read(Staging(Path(folder), "chaos_sql", "run-1"), entities)
                unheard += len(_rows(engine, "got", "id")) > journal.counts["delivered"]
    ids, audit = _rows(engine, "got", "id"), _rows(engine, "audit", "item_id")
    engine.dispose()
    wrong = []
    for name, found in (("got", ids), ("audit", audit)):
        twice = [id_ for id_, count in Counter(found).items() if count > 1]
        missing = set(range(entities)) - set(found)
        wrong += [f"{name} has {len(twice)} rows twice"] if twice else []
        wrong += [f"{name} lacks {len(missing)} rows"] if missing else []
    if told != {"delivered": entities, "balanced": 1}:
        wrong.append(f"the ledger says {told}")
    if killed < kills:
        wrong.append(f"only {killed} kills: it ended too soon")
    return {
        "database": database,
        "rows": entities,
        "kills": killed,
        "kills_between_commit_and_journal": unheard,
        "seconds": round(time.monotonic() - began, 1),
        "wrong": wrong,
    }


def _heard(ear: Connection) -> Any:
    try:
        return ear.recv()
    except EOFError:
        return None


def _rows(engine: sqlalchemy.Engine, table: str, column: str) -> list[int]:
    with engine.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql(f"SELECT {column} FROM {table}")]


def run(database: str, *, kills: int, entities: int, seed: int) -> dict[str, Any] | None:
    """With a database of its own, which is dropped again; None where its server does not answer."""
    rng = random.Random(seed)
    if database == "sqlite":
        with tempfile.TemporaryDirectory(prefix="chaos-sql-") as folder:
            return rehearse(database, f"sqlite:///{folder}/target.db", kills=kills, entities=entities, rng=rng)
    url = ADMINS[database].replace("postgresql://", "postgresql+psycopg://")
    name = f"chaos_{secrets.token_hex(4)}"
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.pool.NullPool)
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sqlalchemy.exc.OperationalError as error:
        print(f"{database} is left out: {error.orig}", file=sys.stderr)
        return None
    try:
        place = admin.url.set(database=name).render_as_string(hide_password=False)
        return rehearse(database, place, kills=kills, entities=entities, rng=rng)
    finally:
        force = " WITH (FORCE)" if database == "postgresql" else ""
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}{force}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.sql", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=35)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=tuple(ADMINS), action="append")
    args = parser.parse_args()
    well = True
    for database in args.database or ADMINS:
        found = run(database, kills=args.kills, entities=args.entities, seed=args.seed)
        if found is not None:
            print(json.dumps(found), flush=True)
            well = well and not found["wrong"]
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
