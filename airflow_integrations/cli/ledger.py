"""``ledger``: where it is and what it holds, its schema, and forgetting."""

from __future__ import annotations

import argparse
import time

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.legible import json_text
from airflow_integrations.cli.routes import routes_folder
from airflow_integrations.cli.surroundings import open_ledger, staging_base
from airflow_integrations.cli.terminal import out
from airflow_integrations.errors import RouteError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.retention import usage
from airflow_integrations.ledger.version import HEAD

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    command = args.ledger_command
    with open_ledger() as ledger:  # which creates or migrates it
        if command == "migrate":
            out(f"{_place(ledger)}: schema {HEAD}")
            return OK
        return _prune(ledger, args) if command == "prune" else _status(ledger, args.format)


def _place(ledger: Ledger) -> str:
    """Without a password."""
    kind = "SQLite" if ledger.dialect == "sqlite" else "PostgreSQL"
    return f"{kind}, {ledger.database.where.removeprefix('the ledger ')}"


def _status(ledger: Ledger, form: str) -> int:
    held = usage(ledger.database)
    place = {"place": _place(ledger), "schema": HEAD}
    rows = {"entities": held.entities, "open": held.open, "runs": held.runs}
    sizes = {"database_bytes": held.database_bytes, "staged_bytes": held.staged_bytes}
    if form == "json":
        out(json_text({**place, **rows, **sizes}, indent=2))
        return OK
    for name, text in place.items():
        out(f"{name:<10}{text}")
    for name, count in rows.items():
        out(f"{name:<10}{count:,}")
    for name, size in sizes.items():
        out(f"{name.removesuffix('_bytes'):<10}{size / 1_000_000:,.1f} MB")
    return OK


def _prune(ledger: Ledger, args: argparse.Namespace) -> int:
    """Only routes whose file says how long they are remembered, and no file may be broken: it might say longer."""
    from airflow_integrations.engine.disk import forget
    from airflow_integrations.ledger.event_retention import prune_events
    from airflow_integrations.route_file import read_routes

    found = read_routes(routes_folder(args))
    if found.mistakes:
        raise RouteError(found.mistakes)
    wanted = {name: loaded.route.retention for name, loaded in found.routes.items()}
    now = time.time()
    pruned = forget(ledger, staging_base(), wanted, now)
    events = prune_events(ledger.database, routes=wanted, now=now)
    out(
        f"forgot the books of {pruned.runs} runs, the histories of {pruned.histories} entities, "
        f"the payloads of {len(pruned.staging)} runs and the ids of {events} events"
    )
    return OK
