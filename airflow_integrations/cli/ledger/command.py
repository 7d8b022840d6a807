"""``ledger``: where it is and what it holds, its schema, and forgetting."""

from __future__ import annotations

import argparse
import time

from airflow_integrations.cli.airflow_access import open_ledger, staging_base
from airflow_integrations.cli.command import FAILED, OK
from airflow_integrations.cli.entities.selected import confirm_or_abort
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import json_text
from airflow_integrations.errors import RouteError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.retention import usage
from airflow_integrations.ledger.storage.identity import LedgerReplaced
from airflow_integrations.ledger.storage.schema_version import HEAD, SchemaBehind
from airflow_integrations.plurals import counted

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    command = args.ledger_command
    if command == "begin-again":
        return _begin_again(args)
    if command == "migrate":
        return _migrate(check=args.check)
    with open_ledger() as ledger:
        return _prune(ledger, args) if command == "prune" else _status(ledger, args.format)


def _migrate(*, check: bool) -> int:
    try:
        with open_ledger(migrates=not check) as ledger:
            out(f"{_place(ledger)}: schema {_schema(ledger)}")
            return OK
    except SchemaBehind as error:
        out(str(error))
        return FAILED


def _schema(ledger: Ledger) -> str:
    newer = f"; this version of airflow-integrations made {HEAD}, and works with it" if ledger.schema != HEAD else ""
    return f"{ledger.schema}{newer}"


def _begin_again(args: argparse.Namespace) -> int:
    try:
        with open_ledger() as ledger:
            out(f"{_place(ledger)}: this is the ledger in use; there is nothing to do")
            return OK
    except LedgerReplaced as error:
        if not args.yes:
            out(f"{error}.")
            confirm_or_abort("Begin again with this ledger? What was delivered may be sent again.")
    with open_ledger(begin_again=True) as ledger:
        out(f"{_place(ledger)}: used from now on")
    return OK


def _place(ledger: Ledger) -> str:
    """Without a password."""
    kind = "SQLite" if ledger.dialect == "sqlite" else "PostgreSQL"
    return f"{kind}, {ledger.where.removeprefix('the ledger ')}"


def _status(ledger: Ledger, form: str) -> int:
    held = usage(ledger)
    place = {"place": _place(ledger), "schema": ledger.schema}
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
    from airflow_integrations.engine.disk_space import forget
    from airflow_integrations.ledger.maintenance.event_retention import prune_events
    from airflow_integrations.ledger.store import prune_store
    from airflow_integrations.route_files.load import read_routes

    found = read_routes(routes_folder(args))
    if found.mistakes:
        raise RouteError(found.mistakes)
    wanted = {name: loaded.route.retention for name, loaded in found.routes.items()}
    now = time.time()
    pruned = forget(ledger, staging_base(), wanted, now)
    events = prune_events(ledger, routes=wanted, now=now)
    prune_store(ledger, now)
    out(
        f"forgot the books of {counted(pruned.runs, 'run')}, the histories of {counted(pruned.histories, 'entity')}, "
        f"the payloads of {counted(len(pruned.staging), 'run')} and the ids of {counted(events, 'event')}"
    )
    return OK
