"""``entities skip``: they are closed without being delivered."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.entities.selected import apply_to_selection, by
from airflow_integrations.cli.terminal import out
from airflow_integrations.ledger.actions.entity_actions import SKIPPABLE, skip

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    acted = apply_to_selection(
        args, "skip", SKIPPABLE, lambda database, selection, now: skip(database, selection, args.reason, by(), now)
    )
    out(f"{acted.entities} skipped; if a newer version arrives, it is delivered as usual")
    return OK
