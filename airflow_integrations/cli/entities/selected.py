"""The entities that a command is to change: which they are, whether that many are meant, and what was done."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from time import time

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.command import UsageError
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import visible
from airflow_integrations.ledger.actions.entity_actions import count
from airflow_integrations.ledger.actions.selection import Acted, Selection
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage.database import Database

__all__ = ["apply_to_selection", "by", "confirm_or_abort", "require_terminal"]

UNASKED = 20
"""Entities that are changed without asking."""


def by() -> str:
    """Who calls the command."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user that has no name
        return "cli"


def apply_to_selection(
    args: argparse.Namespace,
    verb: str,
    allowed: frozenset[Status],
    action: Callable[[Database, Selection, float], Acted],
) -> Acted:
    """Do it in the ledger and say what was left. Raises UsageError where nothing says which, or nobody agrees."""
    if not args.key and not args.status and not args.error:
        raise UsageError("say which entities: --key KEY, --status STATUS or --error FINGERPRINT")
    selection = Selection(
        args.route, keys=frozenset(args.key) or None, statuses=frozenset(args.status) or None, fingerprint=args.error
    )
    now = time()
    with open_ledger() as ledger:
        if not args.yes and (many := count(ledger, selection, allowed, now)) > UNASKED:
            confirm_or_abort(f"{verb} {many} entities of {args.route}?")
        acted = action(ledger, selection, now)
    for reason in acted.left:
        print(visible(f"left as they are: {reason}"), file=sys.stderr)  # noqa: T201
    return acted


def require_terminal(question: str) -> None:
    """Raises UsageError where nobody can answer the question."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Pass --yes to confirm: standard input is not a terminal")


def confirm_or_abort(question: str) -> None:
    """Ask on the terminal. Raises UsageError where the answer is not yes, or nobody is there to give one."""
    require_terminal(question)
    out(f"{visible(question)} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was changed")
