"""``sql prepare``: make the table of markers, by which nothing is written twice."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK, awaited
from airflow_integrations.cli.sql.database import asked_database
from airflow_integrations.cli.terminal import out
from airflow_integrations.sql.markers import TABLE, prepare
from airflow_integrations.sql.session import Session

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    made = awaited(_prepared(args.connection))
    out(f"{args.connection}: the table {TABLE} " + ("was made" if made else "is there already"))
    return OK


async def _prepared(connection: str) -> bool:
    async with Session(asked_database(connection)) as session:
        return await session.ask(lambda: prepare(session.database, session.connection))
