"""``sql forget``: delete a route's markers, so that what it sends is written again whatever was written before."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK, awaited
from airflow_integrations.cli.entities.selected import confirm_or_abort
from airflow_integrations.cli.sql.database import asked_database
from airflow_integrations.cli.terminal import out
from airflow_integrations.plurals import counted
from airflow_integrations.sql.markers import forget, prepare
from airflow_integrations.sql.session import Session

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    database = asked_database(args.connection)
    question = (
        f"Delete the markers of route {args.route} at {args.connection}? What is unanswered may then be written twice."
    )
    if not args.yes:
        confirm_or_abort(question)

    async def forgotten() -> int:
        async with Session(database) as session:
            await session.ask(lambda: prepare(database, session.connection, create=False))
            return await session.ask(lambda: forget(session.connection, route=args.route))

    out(f"{args.connection}: deleted {counted(awaited(forgotten()), 'marker')} of {args.route}")
    return OK
