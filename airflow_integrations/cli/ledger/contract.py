"""``contract``: what a route has learned of its source's fields, what differs, and taking that for right."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.command import OK
from airflow_integrations.cli.entities.selected import by, confirm_or_abort
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import ago, json_text, visible
from airflow_integrations.ledger.contract import accept_drift, forget_learned, learned_of
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.plurals import counted
from airflow_integrations.route.contracts.learned import Drift, Learned, drifts, lines
from airflow_integrations.route.contracts.paths import type_words
from airflow_integrations.route.contracts.seen import MOST_FIELDS

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    now = time.time()
    with open_ledger() as ledger:
        match args.contract_command:
            case "show":
                _show(ledger, args, now)
            case "accept":
                accepted = accept_drift(ledger, args.route, args.field, by(), now)
                _tell(accepted, args)
            case _:
                if not args.yes:
                    confirm_or_abort(f"forget all that was learned of the fields of {args.route}?")
                forget_learned(ledger, args.route, by(), now)
                out(visible(f"{args.route}: forgotten; the next runs are learned from"))
    return OK


def _show(ledger: Ledger, args: argparse.Namespace, now: float) -> None:
    learned = learned_of(ledger, args.route)
    if args.format == "json":
        out(json_text(_plain(learned or Learned()), indent=2))
        return
    if learned is None:
        out(visible(f"{args.route}: nothing was learned: it has no contract, or has not run since it has one."))
        return
    for line in _story(learned, now):
        out(visible(line))


def _plain(learned: Learned) -> dict[str, object]:
    return {
        "complete": learned.complete,
        "runs": learned.runs,
        "beyond": learned.beyond,
        "fields": [
            {"path": path, "types": type_words(field.types), "always": field.always}
            for path, field in lines(learned)
            if not field.new
        ],
        "differs": [_plain_drift(drift) for drift in drifts(learned)],
    }


def _plain_drift(drift: Drift) -> dict[str, object]:
    return {name: getattr(drift, name) for name in ("path", "kind", "expected", "found", "since", "run_id")}


def _story(learned: Learned, now: float) -> Iterator[str]:
    fields = [(path, field) for path, field in lines(learned) if not field.new]
    state = "learned" if learned.complete else "learning"
    yield f"{counted(len(fields), 'field')}, {state} from {counted(len(learned.runs), 'run')}"
    for path, field in fields:
        yield f"  {path}  {type_words(field.types)}{'  (in every entity)' if field.always else ''}"
    if learned.beyond:
        yield f"There were more than {MOST_FIELDS:,} fields, or some with very long names: those beyond are not kept."
    found = drifts(learned)
    yield "Nothing differs." if not found else "Differs from what was learned:"
    for drift in found:
        yield f"  {drift}, since {ago(drift.since, now)}"


def _tell(accepted: list[Drift], args: argparse.Namespace) -> None:
    if args.format == "json":
        out(json_text([_plain_drift(drift) for drift in accepted], indent=2))
        return
    for drift in accepted:
        out(visible(f"accepted: {drift}"))
    if not accepted:
        out("Nothing differs.")
