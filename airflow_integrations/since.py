"""What a run asks its source for: everything since the last time, by window or by cursor."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from airflow_integrations.model import Duration, Model
from airflow_integrations.moment import Moment

__all__ = ["Cursor", "Missing", "WindowOptions"]


class WindowOptions(Model):
    """Which stretch of time a run by schedule is responsible for."""

    mode: Literal["gapless", "interval"] = "gapless"
    """``gapless``: from where the last completed window ended, so that a pause, a dead scheduler or a failed run loses
    nothing. ``interval``: Airflow's data interval of the run, whatever happened before."""
    overlap: Duration = Field(default="2m", validate_default=True)
    """A gapless window begins so much earlier: for changes that the source shows late. What comes twice is not sent
    twice."""
    initial: Moment | None = None
    """Where the first gapless window begins. Default: where the first run's interval begins."""
    slice: Duration | None = None
    """A window longer than this is fetched in pieces of this length."""

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
    """The record's field that grows with every change, such as ``updated_at`` or ``meta.sequence``."""
    param: Annotated[str, Field(min_length=1, max_length=200)]
    """The parameter of the query that takes it, such as ``since``."""
    initial: str | int | datetime | None = None
    """What the very first run asks for. Default: the parameter is left out."""
    lag: Duration | Annotated[int, Field(strict=True, ge=0)] | None = None
    """Ask again for what is so much older than the newest seen: a duration where the field is a time, a number where it
    is a number. For sources that show changes late."""


class Missing(Model):
    """Deletions for what the source no longer has, unless it lacks suspiciously much."""

    at_most: Annotated[str, Field(pattern=r"^(100|\d{1,2}(\.\d+)?)%$")] = "20%"
    """Where more than this share of the entities (and more than 10) vanished at once, the run stops with an error."""

    @property
    def share(self) -> float:
        return float(self.at_most.rstrip("%")) / 100
