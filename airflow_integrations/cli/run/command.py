"""``run``: a whole route in this process, through the engine, without a scheduler."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime

from airflow_integrations.cli.airflow_access import connections, open_ledger, staging_base, staging_max_bytes
from airflow_integrations.cli.command import FAILED, INTERRUPTED, OK, UsageError, awaited
from airflow_integrations.cli.route_options import asked_route
from airflow_integrations.cli.run.exchanges import told_exchanges
from airflow_integrations.cli.run.options import EVENTS_ONLY, asked_run, where_from
from airflow_integrations.cli.run.problems import problem_rows
from airflow_integrations.cli.run.progress import Progress
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.display.exchange import answer_behind
from airflow_integrations.display.printable import visible, visible_key
from airflow_integrations.engine.disk_space import make_room
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.start import run_window
from airflow_integrations.engine.fetch.upstream_route import source_of
from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.engine.next_stages import for_push, for_transform
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.segment_lines import Problem
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import IntegrationError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RETRIED, RetryWanted
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

__all__ = ["run"]

MOST_PROBLEMS = 20


def run(args: argparse.Namespace) -> int:
    route = asked_route(args).route
    now = datetime.now(UTC)
    asked = replace(
        asked_run(route, args, run_id=f"cli__{now:%Y%m%dT%H%M%S.%fZ}", now=now),
        kind="cli",
        explicit=args.window_start is not None,
        retry=_retry(args),
    )
    staging = Staging(staging_base(), route.route, asked.run_id)
    with open_ledger() as ledger:
        booked = replace(asked, window=run_window(asked, ledger))
        what = f"retry of what is {args.retry.replace('_', ' ')}" if asked.retry else where_from(booked)
        out(f"{route.route}: {what}" + (", dry run: nothing is sent" if asked.dry_run else ""))
        job = _Job(asked, staging, ledger)
        awaited(job.work())
        told = list(told_exchanges(ledger, route, keys_of(job.problems))) if args.verbose else []
    if job.balance is not None:
        _show(job, job.balance, told)
    elif job.error is not None:
        print(f"run: {job.error}", file=sys.stderr)  # noqa: T201
    if args.verbose and job.error is not None and (answer := answer_behind(job.error)) is not None:
        print(f"the answer was: {visible(answer)}", file=sys.stderr)  # noqa: T201
    if job.interrupted:
        return INTERRUPTED
    return FAILED if job.error or job.balance is None or job.balance.verdict else OK


def _retry(args: argparse.Namespace) -> RetryWanted | None:
    if args.retry is None:
        return None
    if args.window_start or args.window_end or args.key or args.entities:
        raise UsageError("--retry fetches nothing: leave out --window-start, --window-end, --key and --entities")
    return RETRIED[args.retry]


class _Job:
    """The stages in turn. A first Ctrl-C lets batches in flight end and begins nothing new; a second one breaks off."""

    def __init__(self, run: Run, staging: Staging, ledger: Ledger) -> None:
        self.run = run
        self.staging = staging
        self.ledger = ledger
        self.error: IntegrationError | None = None
        self.interrupted = False
        self.problems: list[Problem] = []
        self.balance: Balance | None = None
        """None where the ledger could not take the run's books."""
        self._stop = asyncio.Event()
        self._pushing = False
        self._task: asyncio.Task[None] | None = None

    async def work(self) -> None:
        self._task = asyncio.create_task(self._stages())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or no main thread
                loop.add_signal_handler(number, self._interrupt)
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self.problems = list(problems(self.staging))  # settle may remove what they are read from
        try:
            async with Services(connections(), ledger=self.ledger) as services:
                self.balance = await settle(as_fetched(self.run, self.staging), services, self.staging)
        except IntegrationError as error:
            self.error = self.error or error

    def _interrupt(self) -> None:
        if not self._pushing or self.interrupted:
            assert self._task is not None
            self._task.cancel()
        self.interrupted = True
        self._stop.set()

    async def _stages(self) -> None:
        with Progress() as progress:
            try:
                async with Services(
                    connections(), log=progress.log(), progress=progress.told, ledger=self.ledger
                ) as services:
                    services.priority = self.run.route.priority
                    await make_room(services, self.staging, staging_max_bytes())
                    fetched = await fetch(self.run, services, self.staging)
                    if not for_transform(fetched):
                        return
                    self.run = as_fetched(self.run, self.staging)
                    transformed = await transform(self.run, services, self.staging)
                    progress.expect("push", transformed.entities)
                    if for_push(fetched, transformed):
                        self._pushing = True
                        await push(self.run, services, self.staging, self._stop, final=True)
            except IntegrationError as error:
                self.error = error


def _show(job: _Job, balance: Balance, told: list[str]) -> None:
    if found := job.problems:
        shown = table("key", "by", "became", "reason")
        rows = problem_rows(found)
        for row in rows[:MOST_PROBLEMS]:
            shown.add_row(*row)
        console().print(shown)
        if len(rows) > MOST_PROBLEMS:
            out(f"… and {len(rows) - MOST_PROBLEMS} more")
        if not all(problem.key for problem in found) and not job.run.dry_run:
            out("what has no key is in no list of entities; this shows it:")
            command = ["airflow-integrations", "runs", job.run.route.route, "--without-key", job.run.run_id]
            out(f"  {shlex.join(command)}")
    for line in told:
        out(line)
    if job.interrupted:
        out("interrupted: what was in flight has ended; the rest goes with a later run")
    elif job.error is not None:
        print(f"run: {job.error}", file=sys.stderr)  # noqa: T201
    lines = balance.lines()
    out(lines[0])
    if not job.interrupted and job.error is None:
        for line in lines[1:]:
            out(line)
        if (hint := _missed(job.run, balance)) is not None:
            out(hint)
        if balance.verdict and (again := _again(job.run, found)):
            out(again)


def _missed(run: Run, balance: Balance) -> str | None:
    """Why a run may have fetched nothing: its entities come as events, or the window has none of the keys."""
    if run.route.incoming.kind == "none" and run.entities is None and run.retry is None:
        return EVENTS_ONLY
    if run.keys is None or balance.counts["fetched"] or source_of(run.route) is not None:
        return None
    named = ", ".join(visible_key(key) for key in sorted(run.keys)[:5]) + (" …" if len(run.keys) > 5 else "")
    return f"The source has no {named} in {run.window}: --window-start TIME looks further back."


def keys_of(found: list[Problem]) -> list[str]:
    """Without those that have none, each once."""
    return list(dict.fromkeys(problem.key for problem in found if problem.key))


def _again(run: Run, found: list[Problem]) -> str | None:
    """How to run just those that went wrong, where they can be named."""
    keys = keys_of(found)
    if not keys or len(keys) > MOST_PROBLEMS or run.entities is not None:
        return None
    if run.retry is not None:
        chosen = shlex.join([part for key in keys for part in ("--key", key)])
        of = f"{run.route.route} {chosen}"
        return f"when the route or a payload (entities edit) is fixed:\n  airflow-integrations entities retry {of}"
    if any(step.kind == "split" for step in run.route.transform):
        return None
    start, end = run.window.dump()
    asked = [part for key in keys for part in ("--key", key)]
    command = ["airflow-integrations", "run", run.route.route, *asked]
    if source_of(run.route) is None:  # else keys are looked for in all that is staged
        command += ["--window-start", start, "--window-end", end]
    in_doubt = [problem.key for problem in found if problem.status == "in_doubt"]
    first = f"look in the target for {', '.join(in_doubt)} first; " if in_doubt else ""
    return f"{first}to run these again:\n  {shlex.join(command)}"
