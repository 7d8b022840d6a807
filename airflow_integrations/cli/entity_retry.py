"""``entities retry``: they go again with the route's next run."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.chosen import act, by
from airflow_integrations.cli.command import OK
from airflow_integrations.cli.terminal import out
from airflow_integrations.ledger.desk import RETRIABLE, retry

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    acted = act(args, "retry", RETRIABLE, lambda database, selection, now: retry(database, selection, by(), now))
    what = "1 entity is" if acted.entities == 1 else f"{acted.entities} entities are"
    at_once = f"airflow-integrations run {args.route} --retry due"
    out(f"{what} due again: with the route's next run, or at once with `{at_once}`")
    return OK
