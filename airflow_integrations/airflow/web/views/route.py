"""One route: what it is, how it is doing, what flowed through it, its runs and its versions."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import msgspec

from airflow_integrations.airflow.web.views.airflow_dags import run_states, run_url, waits_for
from airflow_integrations.airflow.web.views.definitions import current, documented, newest
from airflow_integrations.airflow.web.views.overview import RouteLine, must_exist, route_lines
from airflow_integrations.airflow.web.views.run_staging import staging_of
from airflow_integrations.engine.run_progress import run_progress
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.queries.search import Amount, how_many
from airflow_integrations.ledger.queries.staged_bytes import known_routes
from airflow_integrations.ledger.queries.statistics import Sums, series
from airflow_integrations.ledger.queries.views import RunBooks
from airflow_integrations.ledger.runs.definitions import Version, definition, newest_hashes, versions

if TYPE_CHECKING:
    from airflow_integrations.airflow.web.console import Console
    from airflow_integrations.airflow.web.security.access import Who

__all__ = [
    "Difference",
    "RouteView",
    "RunLine",
    "RunsView",
    "Series",
    "difference",
    "route_runs",
    "route_series",
    "route_view",
]

MOST_STRETCHES = 500
DEAD_SECONDS = 86_400.0
"""A run on the command line that began so long ago and has not closed its books died."""


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    line: RouteLine
    """As in the overview."""
    known: Amount
    """Entities that the ledger knows of the route."""
    definition: str | None
    """YAML, as Airflow has it now, with references resolved; else as the newest run worked by it. There are no secrets
    in it: these are in Airflow's Connections."""
    hash: str | None
    """Of the definition that the newest run worked by."""
    unrun: bool
    """The definition has changed since the newest run, or no run has worked by it yet."""
    versions: tuple[Version, ...]
    """The newest first."""
    may_act: bool
    may_trigger: bool
    may_see_payloads: bool


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What flowed in a period, by the books of the runs that began in it."""

    route: str
    since: float
    until: float
    whole: bool
    """False: there were so many runs that the oldest are not counted."""
    total: Sums
    flow: dict[str, int]
    """How many entities came to each edge of the route: ``fetched``, what ``transform`` added and took out, what
    was ``carried_in`` from earlier runs, ``to_push``, and what became of those."""
    stretches: tuple[Sums, ...]


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run with its books."""

    books: RunBooks
    state: str | None
    """Airflow's: queued, running, success, failed. None: Airflow does not know the run (any more)."""
    url: str | None
    """Airflow's page of it."""
    progress: str | None = None
    """Of a run whose books are not closed: how far it is, or what it waits for."""


class RunsView(msgspec.Struct, frozen=True):
    runs: tuple[RunLine, ...]
    before: int | None
    """To be handed over as ``before`` for the next page. None: that was all."""


class Difference(msgspec.Struct, frozen=True):
    """Two definitions of a route, as a unified diff. No line: they are equal."""

    before: str
    after: str
    lines: tuple[str, ...]


def route_view(console: Console, who: Who, route: str, *, hours: float = 24.0) -> RouteView:
    """Raises HTTPException 404 for a route that never was, to those who may read every route."""
    who.to_read(route)
    must_exist(console, route)
    line = route_lines(console, frozenset([route]), hours=hours, now=console.now())[route]
    now, ran = documented(route), newest(console, [route]).get(route)
    return RouteView(
        line=line,
        known=how_many(console.database, route),
        definition=now or ran,
        hash=newest_hashes(console.database, [route]).get(route),
        unrun=now is not None and now != ran,
        versions=tuple(versions(console.database, route)),
        may_act=who.may_act(route),
        may_trigger=who.may_trigger(route),
        may_see_payloads=who.may_see_payloads(route),
    )


def route_series(console: Console, who: Who, route: str, *, since: float, until: float, stretches: int = 48) -> Series:
    """Raises RunError for a period that ends before it begins."""
    who.to_read(route)
    if since >= until:
        raise RunError("a period begins before it ends: since, then until")
    stretches = max(1, min(stretches, MOST_STRETCHES))
    period = series(console.database, [route], since=since, until=until, stretches=stretches)[route]
    total = period.all()
    return Series(
        route=route,
        since=since,
        until=until,
        whole=period.whole,
        total=total,
        flow=_flow(total.counts),
        stretches=period.stretches,
    )


def route_runs(console: Console, who: Who, route: str, *, limit: int = 50, before: int | None = None) -> RunsView:
    """The newest first. Empty for a route that never ran."""
    who.to_read(route)
    if route not in known_routes(console.database):
        return RunsView((), None)
    page = runs(console.database, route, limit, before)
    states = run_states(route, [books.run_id for books in page.runs])
    lines = (
        RunLine(
            books=books,
            state=states.get(books.run_id),
            progress=_progress(console, route, books, states.get(books.run_id)),
            url=run_url(route, books.run_id) if books.run_id in states or "/" in books.run_id else None,
        )
        for books in page.runs
    )
    return RunsView(tuple(lines), page.before)


def _progress(console: Console, route: str, books: RunBooks, state: str | None) -> str | None:
    """Of a run that Airflow does not have and that began long ago nothing is said: it died."""
    if books.finished is not None or state in ("success", "failed"):
        return None
    if state is None and books.started < console.now() - DEAD_SECONDS:
        return None
    told = run_progress(staging_of(console, route, books.run_id))
    waits = waits_for(route, books.run_id) if state is not None else None
    return f"{told}; {waits}" if waits else told


def difference(console: Console, who: Who, route: str, before: str, after: str | None = None) -> Difference:
    """``before`` and ``after`` are hashes; ``after`` None: the definition as it is now.

    Raises RunError where the text of one of them is not kept.
    """
    who.to_read(route)
    old = definition(console.database, route, before)
    new = current(console, route) if after is None else definition(console.database, route, after)
    for name, text in ((before, old), (after or "now", new)):
        if text is None:
            raise RunError(f"the definition {name} of {route} is not kept: runs of older versions left only its hash")
    assert old is not None
    assert new is not None
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), before[:12], (after or "now")[:12], lineterm="")
    return Difference(before, after or "now", tuple(lines))


def _flow(counts: dict[str, int]) -> dict[str, int]:
    def of(name: str) -> int:
        return counts.get(name, 0)

    left = of("filtered") + of("merged") + of("rejected")
    came = of("fetched") + of("split_added") + of("deletes_emitted") + of("carried_in")
    return {**counts, "to_push": max(0, came - left)}
