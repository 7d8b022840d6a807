"""``entities retry``: they go again with the route's next run."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.entities.selected import apply_to_selection, by
from airflow_integrations.cli.terminal import out
from airflow_integrations.ledger.actions.entity_actions import RETRIABLE, retry
from airflow_integrations.plurals import counted, plural

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    acted = apply_to_selection(
        args,
        "retry",
        RETRIABLE,
        lambda database, chosen, now: retry(database, chosen, by(), now, from_step=args.from_step),
    )
    what = f"{counted(acted.entities, 'entity')} {plural(acted.entities, 'is', 'are')}"
    at_once = f"airflow-integrations run {args.route} --retry due"
    out(f"{what} due again: with the route's next run, or at once with `{at_once}`")
    return OK
