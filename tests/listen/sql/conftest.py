"""A PostgreSQL that tells its changes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from ledger_pool import ADMIN_DSN

from airflow_integrations.demo.processes import free_ports


@pytest.fixture(scope="session")
def logical_server() -> Iterator[str]:
    """The tests' own server where its wal_level is logical, else one of this process alone; a DSN."""
    with suppress(psycopg.OperationalError), psycopg.connect(ADMIN_DSN) as connection:
        if connection.execute("SHOW wal_level").fetchone() == ("logical",):
            yield ADMIN_DSN
            return
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs or shutil.which("su") is None:
        told = "no PostgreSQL with wal_level = logical, and none that could be started"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    bin_, (port,) = programs[-1].parent, free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, "postgres")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        options += " -c wal_level=logical -c max_wal_senders=0 -c shared_buffers=16MB -c autovacuum=off"
        as_postgres(f"'{bin_}/initdb' --pgdata '{folder}/data' --auth trust --username postgres --no-sync")
        as_postgres(f"'{bin_}/pg_ctl' -D '{folder}/data' -l '{folder}/log' -w -t 120 -o '{options}' start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            as_postgres(f"'{bin_}/pg_ctl' -D '{folder}/data' -m immediate -w stop")


def as_postgres(command: str) -> None:
    """PostgreSQL does not run as root."""
    told = ["su", "postgres", "-c", command] if os.geteuid() == 0 else ["sh", "-c", command]
    subprocess.run(told, check=True, stdout=subprocess.DEVNULL, timeout=180)


@pytest.fixture
def logical_url(logical_server: str) -> Iterator[str]:
    """An empty database there, as SQLAlchemy addresses it. Its slots go with it."""
    name = f"changes_{secrets.token_hex(4)}"
    with psycopg.connect(logical_server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        about = admin.info
        password = f":{about.password}" if about.password else ""
        yield f"postgresql+psycopg://{about.user}{password}@{about.host}:{about.port}/{name}"
        slots = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s"
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,)
        ).fetchall()
        admin.execute(slots.replace("SELECT", "SELECT", 1), (name,)).fetchall()
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
