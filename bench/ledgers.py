"""Empty ledgers to measure with: a SQLite file, or a PostgreSQL of the benchmark's own, synced as production's."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_integrations.ledger.ledger import Ledger
from chaos.postgres import Cluster, binaries

__all__ = ["fresh", "servers"]


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
    if server == "sqlite":
        url = f"sqlite:///{folder / 'ledger.db'}"
    else:
        import psycopg

        name = f"bench_{secrets.token_hex(4)}"
        with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        url = server.rpartition("/")[0] + f"/{name}"
    Ledger.open(url).close()
    return url
