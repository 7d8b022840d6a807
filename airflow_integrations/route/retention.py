"""Options for how long the ledger and staging remember."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration

__all__ = ["Retention"]


class Retention(Model):
    """How long the ledger and staging keep what was done. What is not delivered yet, or failed, stays until somebody
    has resolved it.

    Example:
        payloads: 14d
        runs: 5000
        history: 180d
        events: 7d
    """

    payloads: Duration = Field(default="7d", validate_default=True)
    """How long payloads stay after all entities of a run are decided, filtered ones too.

    Example: ``payloads: 14d``
    """
    runs: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1000
    """This many of the newest runs keep their books and payloads.

    Example: ``runs: 5000``
    """
    history: Duration = Field(default="90d", validate_default=True)
    """How long books of runs stay, and histories of entities that were not seen again. What was delivered last stays
    known, so that it is not sent again.

    Example: ``history: 180d``
    """
    events: Duration = Field(default="3d", validate_default=True)
    """How long the ids of decided events stay known. An event that comes again within this time counts for nothing.

    Example: ``events: 7d``
    """
