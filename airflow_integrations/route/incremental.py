"""Options for what a run asks its source for: a window, what is newer than a cursor, one partition after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration, Moment
from airflow_integrations.errors import RunError
from airflow_integrations.window import Window, rfc3339

__all__ = [
    "MOST",
    "ColumnRanges",
    "Cursor",
    "Missing",
    "Partition",
    "Partitions",
    "Ranges",
    "WindowOptions",
]


class WindowOptions(Model):
    """The stretch of time that a scheduled run fetches.

    Example:
        overlap: 5m
        initial: 2026-01-01
        slice: 1d
    """

    mode: Literal["gapless", "interval"] = "gapless"
    """``gapless``: from the end of the last completed window, so that a pause, a stopped scheduler or a failed run
    loses nothing. ``interval``: Airflow's data interval of the run, whatever happened before.

    Example: ``mode: interval``
    """
    overlap: Duration = Field(default="2m", validate_default=True)
    """A gapless window begins this much earlier, for changes that the source shows late. What comes twice is not sent
    twice.

    Example: ``overlap: 10m``
    """
    initial: Moment | None = None
    """The begin of the first gapless window. A date means midnight in the schedule's time zone. Left out: the begin of
    the first run's interval.

    Example: ``initial: 2026-01-01``
    """
    slice: Duration | None = None
    """Fetch a longer window in pieces of this length.

    Example: ``slice: 1d``
    """

    @model_validator(mode="after")
    def _fits(self) -> WindowOptions:
        if self.mode == "interval" and self.model_fields_set & {"overlap", "initial"}:
            raise ValueError("overlap and initial belong to gapless windows; leave them out, or mode")
        if self.slice is not None and self.slice.total_seconds() < 1:
            raise ValueError("slice is at least 1s")
        return self


class Cursor(Model):
    """For a source that is asked for everything newer than what it gave last time."""

    field: Annotated[str, Field(pattern=r"^[A-Za-z_][\w\-]*(\.[A-Za-z_][\w\-]*)*$", max_length=200)]
    """The record's field that grows with every change, such as ``updated_at`` or ``meta.sequence``.

    Example: ``field: updated_at``
    """
    param: Annotated[str, Field(min_length=1, max_length=200)]
    """The parameter of the query that takes it, such as ``since``.

    Example: ``param: since``
    """
    initial: str | int | datetime | None = None
    """What the very first run asks for. Left out: the parameter is not sent.

    Example: ``initial: 2026-01-01T00:00:00Z``
    """
    lag: Duration | Annotated[int, Field(strict=True, ge=0)] | None = None
    """Ask again for records that are this much older than the newest seen, for sources that show changes late: a
    duration where the field is a time, a number where it is a number.

    Example: ``lag: 5m``
    """


class Missing(Model):
    """Send deletions for what the source no longer has, unless too much is gone."""

    at_most: Annotated[str, Field(pattern=r"^(100|\d{1,2}(\.\d+)?)%$")] = "20%"
    """Stop the run with an error where more than this share of the delivered entities, and more than 10, vanished at
    once.

    Example: ``at_most: 50%``
    """

    @property
    def share(self) -> float:
        return float(self.at_most.rstrip("%")) / 100


MOST = 1_000
"""Partitions of a run: each has a manifest, and at least one request."""

Edge = Annotated[int, Field(strict=True)] | Moment
Value = Annotated[str, Field(min_length=1)] | Annotated[int, Field(strict=True)]
Step = Annotated[int, Field(strict=True, ge=1)] | Duration


@dataclass(frozen=True, slots=True)
class Partition:
    """One part of what a run fetches: a value of a list, or a stretch to which ``start`` belongs and ``end`` does
    not. Of the ranges of a column the first has no start and the last no end. Or what the source was asked for when
    the run was planned."""

    number: int
    """From 1."""
    of: int
    value: str | int | None = None
    start: int | datetime | None = None
    end: int | datetime | None = None
    part: Any = None
    """A JSON value of the incoming's own, where the source was asked which partitions there are; ``value`` then names
    it to people."""

    def names(self) -> dict[str, Any]:
        """What expressions and templates see as ``partition``."""
        if self.value is not None:
            return {"number": self.number, "value": self.value}
        start = _shown(self.start)
        return {"number": self.number, "value": start, "start": start, "end": _shown(self.end)}

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.number} of {self.of} ({self.value})"
        return f"{self.number} of {self.of} ({_text(self.start)} → {_text(self.end)})"


class Ranges(Model):
    """Stretches of equal length that touch and do not overlap: ``from`` belongs to the first, ``to`` not to the last.

    Example:
        from: 0
        to: 1000000
        every: 250000
    """

    from_: Edge | None = Field(default=None, alias="from")
    """Where the first one begins: a whole number, a date or a moment. A date means midnight in UTC. Left out: where the
    window of the run begins.

    Example: ``from: 2024-01-01``
    """
    to: Edge | None = None
    """Where the last one ends. Left out: where the window of the run ends.

    Example: ``to: 2026-01-01``
    """
    every: Step
    """The length of a range: a duration between dates, a whole number between numbers. The last range may be shorter.

    Example: ``every: 30d``
    """

    @model_validator(mode="after")
    def _fit(self) -> Self:
        edges = [edge for edge in (self.from_, self.to) if edge is not None]
        if isinstance(self.every, int):
            if len(edges) < 2 or not all(isinstance(edge, int) for edge in edges):
                raise ValueError(
                    "every is a number, so from and to are whole numbers, too; between dates write a duration like 30d"
                )
        elif any(isinstance(edge, int) for edge in edges):
            raise ValueError("from and to are numbers, so every is a whole number, too, such as 100000")
        elif self.every < timedelta(seconds=1):
            raise ValueError("every is at least 1s")
        if len(edges) == 2:
            _count(*self._edges(None), self.every, ValueError)
        return self

    def stretches(self, window: Window) -> Iterator[tuple[Any, Any]]:
        """Start and end of each. Raises RunError where a run's window has too many."""
        start, end = self._edges(window)
        every: Any = self.every
        for index in range(_count(start, end, every, RunError)):
            yield start + index * every, min(start + (index + 1) * every, end)

    def _edges(self, window: Window | None) -> tuple[Any, Any]:
        start = window.start if self.from_ is None and window else _in_utc(self.from_)
        return start, window.end if self.to is None and window else _in_utc(self.to)


class Partitions(Model):
    """Parts of the source that are fetched one by one: a list of values, or ranges. Exactly one of both.

    Example:
        list: [madrid, paris, berlin]
    """

    list_: tuple[Value, ...] | None = Field(default=None, alias="list")
    """Values, one for each partition: ``partition.value``.

    Example: ``list: [madrid, paris, berlin]``
    """
    ranges: Ranges | None = None
    """Stretches of time or of numbers: ``partition.start``, which is ``partition.value``, too, and ``partition.end``,
    which does not belong to it.

    Example: ``ranges: {from: 2024-01-01, to: 2026-01-01, every: 30d}``
    """

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.list_ is None) == (self.ranges is None):
            raise ValueError("write exactly one of list and ranges")
        if self.list_ is not None:
            if not 1 <= len(self.list_) <= MOST:
                raise ValueError(f"list has {len(self.list_)} values; write 1 to {MOST:,}")
            texts = [str(value) for value in self.list_]
            if twice := sorted({text for text in texts if texts.count(text) > 1}):
                raise ValueError(f"list names {', '.join(twice)} twice, which would be fetched twice")
        return self

    def all(self, window: Window) -> Sequence[Partition]:
        if self.list_ is not None:
            return [Partition(number, len(self.list_), value) for number, value in enumerate(self.list_, 1)]
        assert self.ranges is not None
        found = list(self.ranges.stretches(window))
        return [Partition(number, len(found), start=edges[0], end=edges[1]) for number, edges in enumerate(found, 1)]


class ColumnRanges(Ranges):
    """Ranges of a column. Every row is in exactly one of them: those before ``from``, and those without a value, are in
    the first, those from ``to`` on in the last.

    Example:
        column: id
        from: 0
        to: 1000000
        every: 250000
    """

    column: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=128)]
    """A column whose values do not change, such as ``id`` or ``created_at``: a row whose value changes while the ranges
    are read may be read twice, or not before the next run.

    Example: ``column: id``
    """

    def all(self, window: Window) -> Sequence[Partition]:
        found = list(self.stretches(window))
        last = len(found)
        return [
            Partition(number, last, start=start if number > 1 else None, end=end if number < last else None)
            for number, (start, end) in enumerate(found, 1)
        ]


def _in_utc(edge: Any) -> Any:
    if isinstance(edge, datetime):
        return edge.astimezone(UTC) if edge.tzinfo else edge.replace(tzinfo=UTC)
    return datetime.combine(edge, time(), UTC) if isinstance(edge, date) else edge


def _count(start: Any, end: Any, every: Any, error: type[Exception]) -> int:
    if start >= end:
        if error is ValueError:
            raise error(f"from ({_text(start)}) has to be less than to ({_text(end)})")
        return 1  # an empty window is one partition
    count = int(-((start - end) // every))
    if count > MOST:
        raise error(f"partitions: {_text(start)} → {_text(end)} has {count:,} of them; at most {MOST:,}: raise every")
    return count


def _shown(edge: int | datetime | None) -> Any:
    if not isinstance(edge, datetime):
        return edge
    import pendulum  # see window.py

    return pendulum.instance(edge).in_tz("UTC")


def _text(edge: int | datetime | None) -> str:
    return "…" if edge is None else rfc3339(edge) if isinstance(edge, datetime) else str(edge)
