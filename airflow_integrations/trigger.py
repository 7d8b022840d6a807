"""``trigger``: what makes a route run beside, or instead of, its schedule."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.cron import check_cron, check_timezone
from airflow_integrations.model import Duration, Model
from airflow_integrations.webhook import WebhookOptions

__all__ = ["Trigger"]


class Trigger(Model):
    """Events go into the route's inbox, and a run takes all that waits there, within seconds. A run by schedule takes
    it along, too."""

    webhook: WebhookOptions | None = None
    """An address of Airflow's API server that other systems post events to."""
    sweep: str | None = None
    """For a route without a schedule: also at these times, five cron fields in ``timezone``, a run looks for what
    waits. The maintenance DAG does so every two minutes in any case."""
    timezone: str = "UTC"
    """Of ``sweep``: an IANA time zone."""
    debounce: Duration | None = None
    """Wait until nothing has come for so long, at most ten times as long, before a run starts: a burst is one run."""
    latest: Annotated[bool, Field(strict=True)] = False
    """Of several states of one entity that a run takes, only the newest goes on; the others are *superseded*."""
    max_batch: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 10_000
    """Events that one run takes at most. What is left goes with the next run, at once."""
    latency: Literal["run", "low"] = "run"
    """``run``: a DAG run for each burst, in seconds. ``low``: a resident task of the DAG ``<route>__live`` takes what
    comes within milliseconds; it holds a slot of its own for ever."""

    @field_validator("sweep")
    @classmethod
    def _readable_cron(cls, cron: str | None) -> str | None:
        return None if cron is None else check_cron(cron)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return check_timezone(name)

    @model_validator(mode="after")
    def _anything(self) -> Self:
        if self.debounce is not None and not 0 < self.debounce.total_seconds() <= 3600:
            raise ValueError("debounce is more than nothing and at most 1h")
        return self
