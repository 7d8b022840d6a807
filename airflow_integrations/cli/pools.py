"""``pools create``: the pools of the priority levels, in Airflow's metadata database."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.airflow_access import create_pools, pools_wanted
from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.doctor.installation import consumers
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.route_files.load import read_routes

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    if args.slots is not None and args.slots < 1:
        raise UsageError(f"--slots is the number of the executor's slots, not {args.slots}")
    sizes, kept = create_pools(args.slots, _consumers(args), reset=args.reset)
    shown = table("pool", "slots")
    for name, slots in sizes.items():
        shown.add_row(name, str(slots))
    console().print(shown)
    if kept:
        out(f"Kept, because somebody changed their slots: {', '.join(sorted(kept))}. --reset computes them anew.")
    if not pools_wanted():
        out("Routes don't use them yet: set [integrations] pools = True (AIRFLOW__INTEGRATIONS__POOLS=True).")
    return OK


def _consumers(args: argparse.Namespace) -> int:
    """Of the routes that there are by now, if there are any."""
    try:
        return consumers(read_routes(routes_folder(args)))
    except UsageError:
        if args.routes:
            raise
        return 0
