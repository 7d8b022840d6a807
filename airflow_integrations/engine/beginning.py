"""How a run begins: its window and its cursor are decided, once, and its books are opened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from airflow_integrations.engine.cursor_watch import newer_than
from airflow_integrations.engine.windows import window_of
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.route_hash import route_hash
from airflow_integrations.route_text import definition_yaml
from airflow_integrations.run import Run, Services
from airflow_integrations.since import Cursor
from airflow_integrations.staging import Staging

__all__ = ["Begun", "begin", "cursor_options"]


@dataclass(frozen=True, slots=True)
class Begun:
    """A run whose ``window`` and ``cursor`` are what the source is asked for."""

    run: Run
    ref: RunRef
    cursor: str | None
    """The route's cursor as the ledger has it, without lag."""


def cursor_options(run: Run) -> Cursor | None:
    """The ``cursor`` of the route's incoming, whatever its kind."""
    options: Cursor | None = getattr(run.route.incoming.config, "cursor", None)
    return options


async def begin(run: Run, services: Services, staging: Staging) -> Begun:
    """Raises OutageError where the ledger is away, AnswerError where the cursor and its lag do not fit."""
    return await asyncio.to_thread(_begin, run, services, staging)


def _begin(run: Run, services: Services, staging: Staging) -> Begun:
    ledger, name = services.ledger, run.route.route
    state = ledger.route_state(name)
    window = window_of(
        run,
        state.mark,
        stored=ledger.run_window(name, run.run_id),
        first=ledger.first_window(name) if state.mark is None else None,
    )
    options, cursor = cursor_options(run), None
    if options is not None:
        # A window or keys that were asked for may be older than the cursor.
        anew = run.explicit or run.kind == "backfill" or run.keys is not None
        cursor = newer_than(options, None if anew else state.cursor)
    run = replace(run, window=window, interval=run.interval or run.window, cursor=cursor)
    hash_, now = route_hash(run.route), services.now()
    ref = ledger.begin_run(
        name,
        run.run_id,
        kind=run.kind,
        window=window,
        route_hash=hash_,
        staging=str(staging.folder),
        now=now,
    )
    ledger.remember_definition(ref, hash_, lambda: definition_yaml(run.route), now)
    return Begun(run, ref, state.cursor)
