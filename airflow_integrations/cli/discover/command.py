"""``discover``: what there is at the system of a Connection; only reads."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK, UsageError, awaited
from airflow_integrations.cli.discover.look import Briefly, discover
from airflow_integrations.cli.discover.place import is_place, parted
from airflow_integrations.cli.discover.text import show
from airflow_integrations.cli.terminal import out
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.display.printable import json_text
from airflow_integrations.run import Services
from airflow_integrations.simulate.trial import quiet_log

__all__ = ["run"]

MOST = 10_000


def run(args: argparse.Namespace) -> int:
    if not 1 <= args.limit <= MOST:
        raise UsageError(f"--limit is a number from 1 to {MOST:,}, not {args.limit}")
    if args.place is None and is_place(args.connection):  # as `new --from` takes it
        args.connection, args.place = parted(args.connection)
    found = awaited(_discovered(args))
    if args.format == "json":
        out(json_text({"connection": args.connection, "place": args.place, "found": found}, indent=2))
    else:
        show(args.connection, args.place, found)
    return OK


async def _discovered(args: argparse.Namespace) -> Discovery:
    bounds = Bounds(most=args.limit, after=args.after)
    async with Services(Briefly(), log=quiet_log()) as services:
        return await discover(args.connection, args.place, services, bounds, args.kind)
