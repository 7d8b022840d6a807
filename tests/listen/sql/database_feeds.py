"""Outbox tables for tests, on each database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sql_surroundings import Tables

from airflow_integrations.sql.database import Database
from airflow_integrations.testing import Feed

__all__ = ["TAKEN", "outbox"]

TAKEN: dict[str, Any] = {
    "sqlite": "delete",
    "postgresql": {"time": "processed_at"},
    "mariadb": {"column": "status", "waiting": "new", "taken": "sent"},
}
"""Each way to mark a row, on one of the databases."""
_IDS = {
    "sqlite": "id integer PRIMARY KEY AUTOINCREMENT",
    "postgresql": "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "mariadb": "id bigint AUTO_INCREMENT PRIMARY KEY",
}


def outbox(tables: Tables, **config: Any) -> Feed:
    """An empty table ``outbox``, and the listener's options."""
    time = {"postgresql": "timestamptz"}.get(tables.dialect, "datetime")
    tables.run(
        f"CREATE TABLE outbox ({_IDS[tables.dialect]}, topic varchar(20) NOT NULL DEFAULT 'orders', payload text, "
        f"status varchar(10) NOT NULL DEFAULT 'new', processed_at {time} NULL)"
    )

    def insert(bodies: Sequence[bytes]) -> None:
        with tables.engine.begin() as connection:
            for body in bodies:
                mark = "?" if tables.dialect == "sqlite" else "%s"
                connection.exec_driver_sql(f"INSERT INTO outbox (payload) VALUES ({mark})", (body.decode(),))
            if tables.dialect == "postgresql":
                connection.exec_driver_sql("NOTIFY outbox")

    async def publish(bodies: Sequence[bytes]) -> None:
        await asyncio.to_thread(insert, bodies)

    defaults = {"connection": "db", "table": "outbox", "payload": "payload", "taken": TAKEN[tables.dialect]}
    return Feed(
        kind="sql_outbox",
        config={**defaults, "every": "0.1s", **config},
        databases={"db": Database("db", tables.url)},
        publish=publish,
    )
