"""``entities confirm``: what the target says became of entities that are waiting or in doubt."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.entities.selected import apply_to_selection, by
from airflow_integrations.cli.terminal import out
from airflow_integrations.ledger.actions.entity_actions import CONFIRMABLE, confirm

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    if args.failed and not args.reason:
        raise UsageError("--failed needs --reason: it is what people look for")
    if args.target_id and (args.failed or len(args.key) != 1):
        raise UsageError("--target-id is for one entity, named by --key, that was delivered")
    became = "failed" if args.failed else "delivered"
    acted = apply_to_selection(
        args,
        f"confirm as {became}",
        CONFIRMABLE,
        lambda database, selection, now: confirm(
            database,
            selection,
            "failed" if args.failed else "delivered",
            by(),
            now,
            reason=args.reason,
            target_id=args.target_id,
        ),
    )
    more = "; entities retry sends them again" if args.failed else ""
    out(f"{acted.entities} confirmed as {became}{more}")
    return OK
