"""``preview``: a few real entities before and after, and what would be sent. The target is not asked anything."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_integrations.cli.airflow_access import connections, open_ledger
from airflow_integrations.cli.command import FAILED, OK, UsageError, awaited
from airflow_integrations.cli.preview.contract import differences
from airflow_integrations.cli.preview.forecast import Prospects, look_ahead
from airflow_integrations.cli.preview.masked import masked_trial
from airflow_integrations.cli.preview.text import show
from airflow_integrations.cli.route_options import asked_route
from airflow_integrations.cli.run.attempts import ToldAttempts
from airflow_integrations.cli.run.options import asked_run
from airflow_integrations.cli.terminal import out
from airflow_integrations.engine.fetch.upstream_route import source_of
from airflow_integrations.formats.json import encode
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.ledger.store import values_shown
from airflow_integrations.route.contracts.seen import Different
from airflow_integrations.route.links import reads_ledger
from airflow_integrations.run import Connections, Run
from airflow_integrations.simulate.record import RecordingServices, test_text
from airflow_integrations.simulate.replay import Recording, ReplayServices
from airflow_integrations.simulate.trial import Trial, attempt, quiet_log
from airflow_integrations.sql.database import Databases

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    loaded = asked_route(args)
    asked = asked_run(loaded.route, args, run_id="preview", now=datetime.now(UTC))
    if args.record and Path(args.record).exists():
        raise UsageError(f"{args.record} is there already; --record does not overwrite")
    trial, real, prospects = awaited(_tried(asked, connections()))
    if args.record:
        Path(args.record).write_text(test_text(asked, trial, real.recorded), encoding="utf-8")
    differing = differences(loaded.route, (entity.source for entity in trial.fetched))
    trial = masked_trial(trial, loaded.route)
    if args.format == "json":
        out(encode(_plain(asked, trial, prospects, differing)).decode())
    else:
        show(asked, trial, prospects, differing)
        if args.record:
            out(f"Recorded as a route test: {args.record}. Read it before you share it: it may hold personal data.")
    return FAILED if trial.error or _goes_wrong(trial) else OK


def _goes_wrong(trial: Trial) -> bool:
    """Whether a run would leave an entity to a person, which is exit code 1 as it is of ``run``."""
    return bool(trial.unwritable) or any(problem.status in WRONG for problem in trial.rejected)


async def _tried(asked: Run, source: Connections) -> tuple[Trial, RecordingServices, Prospects]:
    """The source and lookups are asked for real; the target is one that agrees to everything and exists only here."""
    target, log = Recording(), quiet_log()  # what the log would say is shown
    replay = ReplayServices(target, log=log)
    replay.connections = _Target(replay.connections, source)
    with tempfile.TemporaryDirectory(prefix="airflow-integrations-") as folder, ExitStack() as stack:
        asks_ledger = source_of(asked.route) is not None or reads_ledger(asked.route)
        others = stack.enter_context(open_ledger()) if asks_ledger else None
        async with RecordingServices(source, log=log, others=others, watch=ToldAttempts()) as real, replay:
            trial = await attempt(asked, real, replay, target, Path(folder))
            trial.stored = values_shown(real.ledger, real.now())
            trial.signed_in = real.signed_in()
            return trial, real, await look_ahead(asked.route, trial, real)


class _Target:
    """Endpoints of nowhere, with the Variables of the deployment. Databases are real: their tables are looked at."""

    def __init__(self, nowhere: Connections, real: Connections) -> None:
        self.endpoint = nowhere.endpoint
        self.variable = real.variable
        if isinstance(real, Databases):
            self.database = real.database


def _plain(asked: Run, trial: Trial, prospects: Prospects, differing: list[Different]) -> dict[str, Any]:
    return {
        "route": asked.route.route,
        "window": list(asked.window.dump()),
        "entities": [
            {"key": passed.key, "prospect": prospect, "before": passed.source, "after": passed.value}
            for passed, prospect in zip(trial.passed, prospects.of(trial.passed), strict=True)
        ],
        "filtered": [{"key": left.key, "by": left.place} for left in trial.filtered],
        "merged": [{"key": left.key, "by": left.place} for left in trial.merged],
        "rejected": [
            {"key": problem.key, "stage": problem.stage, "reason": problem.reason} for problem in trial.rejected
        ],
        "failing": [{"key": problem.key, "reason": problem.reason} for problem in trial.unwritable],
        "requests": [
            {
                "connection": name,
                "method": heard.method,
                "path": heard.path,
                "query": dict(heard.query),
                "body": heard.data,
            }
            for name, requests in trial.requests.items()
            for heard in requests
        ],
        "signed_in": trial.signed_in,
        "stored": trial.stored,
        "contract": [
            {"path": one.path, "kind": one.kind, "expected": one.expected, "found": one.found} for one in differing
        ],
        "warnings": trial.warnings,
        "counts": prospects.counts(trial),
        "ledger_error": prospects.unknown,
        "error": str(trial.error) if trial.error else None,
    }
