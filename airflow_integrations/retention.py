"""How long the ledger and staging remember what has been done."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.model import Duration, Model

__all__ = ["Retention"]


class Retention(Model):
    """What is forgotten when. What is not delivered yet, or failed, is kept until somebody has resolved it."""

    payloads: Duration = Field(default="7d", validate_default=True)
    """Payloads of entities that have their fate: the segments of a run go so long after it."""
    runs: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1000
    """So many of the newest runs keep their books and payloads."""
    history: Duration = Field(default="90d", validate_default=True)
    """Books of runs, and histories of entities that have not been seen for so long. What was delivered last stays
    known, so that it is not sent again."""
    events: Duration = Field(default="3d", validate_default=True)
    """Ids of events whose entities have their fate: one that comes again within this time counts for nothing."""
