"""Options for incremental runs, by window or by cursor: everything since the last time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration, Moment

__all__ = ["Cursor", "Missing", "WindowOptions"]


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
