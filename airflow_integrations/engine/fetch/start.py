"""Begin a run: decide its window and its cursor, once, and open its books."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_integrations.engine.fetch.cursor.watch import newer_than
from airflow_integrations.engine.fetch.windows import moves_mark, window_of
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.definitions import remember_definition
from airflow_integrations.ledger.runs.fetch_queries import first_window, window_of_run
from airflow_integrations.ledger.runs.runs import begin_run, find_run, route_state
from airflow_integrations.route.definition import Route
from airflow_integrations.route.dump import definition_yaml
from airflow_integrations.route.hash import route_hash
from airflow_integrations.route.incremental import Cursor
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

__all__ = ["Begun", "begin", "cursor_options", "leaves_out", "run_ref"]


@dataclass(frozen=True, slots=True)
class Begun:
    """A run whose ``window`` and ``cursor`` are what the source is asked for."""

    run: Run
    ref: RunRef
    newest: str | None
    """The greatest value that earlier runs saw of what the route's cursor is made of; the cursor itself, without lag,
    where the ledger knows nothing else."""


def cursor_options(route: Route) -> Cursor | None:
    """The ``cursor`` of the route's incoming, whatever its kind."""
    options: Cursor | None = getattr(route.incoming.config, "cursor", None)
    return options


async def begin(run: Run, services: Services, staging: Staging) -> Begun:
    """Raises OutageError where the ledger is away, AnswerError where the cursor and its lag do not fit."""
    return await asyncio.to_thread(_begin, run, services, staging)


def run_window(run: Run, ledger: Ledger) -> Window:
    """The window that the run is booked with: what was asked for, or, of a gapless route, from where it is to go on."""
    name = run.route.route
    state = route_state(ledger, name)
    first = first_window(ledger, name) if state.mark is None else None
    stored = window_of_run(ledger, name, run.run_id)
    return window_of(run, state.mark, stored=stored, first=first, missed=state.missed)


def _begin(run: Run, services: Services, staging: Staging) -> Begun:
    ledger, name = services.ledger, run.route.route
    state = route_state(ledger, name)
    window = run_window(run, ledger)
    options, cursor = cursor_options(run.route), None
    # A window or keys that were asked for may be older than the cursor.
    known = None if run.explicit or run.kind == "backfill" or run.keys is not None else state.cursor
    if options is not None:
        cursor = newer_than(options, known)
    elif getattr(run.route.incoming.config, "keeps_cursor", False):
        cursor = known
    run = replace(run, window=window, interval=run.interval or run.window, cursor=cursor)
    run = replace(run, leaves_out=leaves_out(run, state.mark))
    hash_, now = route_hash(run.route), services.now()
    ref = begin_run(
        ledger,
        name,
        run.run_id,
        kind=run.kind,
        window=window,
        route_hash=hash_,
        staging=str(staging.folder),
        now=now,
    )
    remember_definition(ledger, ref, hash_, lambda: definition_yaml(run.route), now)
    return Begun(run, ref, state.newest or state.cursor)


def leaves_out(run: Run, mark: datetime | None) -> bool:
    """Whether the next run asks for all of this one's window again where this one leaves something out. With
    ``entity.group`` nothing can be left out: it may have lines of any entity."""
    return run.route.entity.group is None and moves_mark(run, mark) and (mark is None or mark < run.window.end)


async def run_ref(run: Run, services: Services, staging: Staging) -> RunRef:
    """The run's entry in the ledger; made where there is none, with the window that fetch decided on."""
    name = run.route.route
    ref = await asyncio.to_thread(find_run, services.ledger, name, run.run_id)
    if ref is not None:
        return ref
    fetched = staging.manifest("fetch")
    return await asyncio.to_thread(
        begin_run,
        services.ledger,
        name,
        run.run_id,
        kind=run.kind,
        window=Window.parse(*fetched.window) if fetched else run.window,
        route_hash=route_hash(run.route),
        staging=str(staging.folder),
        now=services.now(),
    )
