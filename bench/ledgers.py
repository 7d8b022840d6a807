"""Empty ledgers to measure with: a SQLite file, or a PostgreSQL of the benchmark's own, synced as production's."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from airflow_integrations.ledger.ledger import Ledger
from bench.postgres import Cluster, binaries

__all__ = ["connection_json", "fresh", "fresh_database", "servers"]


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """What :func:`fresh` makes ledgers from, by the name of the database: no PostgreSQL where none is installed."""
    programs = binaries()
    if programs is None:
        print("PostgreSQL's server (initdb, pg_ctl) is not installed: measured with SQLite only", file=sys.stderr)
        yield {"sqlite": "sqlite"}
        return
    with Cluster.running(programs, sync=True) as cluster:
        yield {"sqlite": "sqlite", "postgresql": cluster.url}


def fresh(server: str, folder: Path) -> str:
    """The URL of a new ledger with all its tables."""
    url = f"sqlite:///{folder / 'ledger.db'}" if server == "sqlite" else fresh_database(server, "bench")
    Ledger.open(url).close()
    return url


def fresh_database(server: str, name: str) -> str:
    """The URL of a new database on a PostgreSQL server; its name begins with ``name``."""
    import psycopg

    name = f"{name}_{secrets.token_hex(4)}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    return server.rpartition("/")[0] + f"/{name}"


def connection_json(url: str) -> str:
    """A ledger's URL as an Airflow Connection."""
    parts = make_url(url)
    if parts.drivername.startswith("sqlite"):
        return json.dumps({"conn_type": "sqlite", "host": parts.database})
    where = {"host": parts.host, "port": parts.port, "login": parts.username, "schema": parts.database}
    return json.dumps({"conn_type": "postgres", **where})
