"""Statistics over time, from the books of the runs, never from the entities, of which there may be millions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec
from sqlalchemy import select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import route_names

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Period", "Sums", "series"]

MOST_RUNS = 100_000
"""Of a period, the newest are counted: about half a second's work."""

N = TypeVar("N", int, float)

_run = tables.run.c
_counts = msgspec.json.Decoder(dict[str, int]).decode
_seconds = msgspec.json.Decoder(dict[str, float]).decode


class Sums(msgspec.Struct, kw_only=True):
    """The runs that began in one stretch of time."""

    at: float
    """When it begins."""
    runs: int = 0
    failed: int = 0
    """Runs that ended with a verdict."""
    unfinished: int = 0
    """Runs that have not closed their books: what they did is not in ``counts`` yet."""
    counts: dict[str, int] = {}
    """The books of all runs together: fetched, delivered, rejected, …"""
    seconds: dict[str, float] = {}
    """How long the stages took together."""
    longest: float | None = None
    """Seconds from the beginning of a run to its books, of the slowest."""
    total: float = 0.0
    """The same of all runs together: divided by ``runs`` less ``unfinished`` it is the average."""


class Period(msgspec.Struct, frozen=True):
    """A route's sums, in the order of time; stretches without a run are there, and empty."""

    route: str
    stretches: tuple[Sums, ...]
    whole: bool
    """False: there were more than MOST_RUNS runs, and the oldest are not counted."""

    def all(self) -> Sums:
        """Everything together."""
        together = Sums(at=self.stretches[0].at if self.stretches else 0.0)
        for each in self.stretches:
            _add(together, each)
        return together


def series(
    database: Database, routes: Collection[str], *, since: float, until: float, stretches: int = 1
) -> dict[str, Period]:
    """By route, what its runs that began from ``since`` up to ``until`` did, in so many stretches of equal length.

    Routes that the ledger does not know are there, without a run.
    """
    width = (until - since) / stretches
    found = {route: [Sums(at=since + width * n) for n in range(stretches)] for route in routes}
    with database.read() as connection:
        names = route_names(connection, routes)
        rows = connection.execute(
            select(_run.route_id, _run.started, _run.finished, _run.verdict.is_not(None), _run.counts, _run.seconds)
            .where(_run.route_id.in_(sorted(names)), _run.started >= since, _run.started < until)
            .order_by(_run.started.desc())
            .limit(MOST_RUNS)
        )
        read = 0
        for route_id, started, finished, failed, counts, seconds in rows:
            sums = found[names[route_id]][min(int((started - since) / width), stretches - 1)]
            sums.runs += 1
            read += 1
            if finished is None:
                sums.unfinished += 1
                continue
            sums.failed += bool(failed)
            _sum(sums.counts, _counts(counts))
            _sum(sums.seconds, _seconds(seconds))
            took = max(0.0, finished - started)
            sums.total += took
            sums.longest = took if sums.longest is None else max(sums.longest, took)
    return {route: Period(route, tuple(each), read < MOST_RUNS) for route, each in found.items()}


def _add(together: Sums, each: Sums) -> None:
    together.runs += each.runs
    together.failed += each.failed
    together.unfinished += each.unfinished
    _sum(together.counts, each.counts)
    _sum(together.seconds, each.seconds)
    together.total += each.total
    together.longest = max((took for took in (together.longest, each.longest) if took is not None), default=None)


def _sum(together: dict[str, N], more: Mapping[str, N]) -> None:
    for name, number in more.items():
        together[name] = together.get(name, 0) + number
