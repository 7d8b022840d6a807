"""The Airflow tasks of a route: how many there are, how they are retried, where they run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration

__all__ = ["SINGLE_TASK", "TaskOptions"]

SINGLE_TASK = "run"
"""The id of the only task of a DAG with ``tasks.single``."""


class TaskOptions(Model):
    """The Airflow tasks of the route."""

    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = 3
    """How often Airflow starts a task again after an outage. It does not retry other errors: a person fixes those.

    Example: ``retries: 5``
    """
    retry_delay: Duration = Field(default="1m", validate_default=True)
    """The pause before a retry. It doubles each time, up to an hour.

    Example: ``retry_delay: 5m``
    """
    timeout: Duration = Field(default="6h", validate_default=True)
    """The longest time that one task may take.

    Example: ``timeout: 2h``
    """
    together: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 1_000
    """A run with at most this many entities goes all the way in the task ``fetch``, because starting three more tasks
    costs ten times the work itself. Airflow shows the others as skipped; they take over where something stands in the
    way. ``0``: each stage always runs in its own task.

    Example: ``together: 0``
    """
    single: Annotated[bool, Field(strict=True)] = False
    """Whether the DAG has one task, ``run``, that does the work of all four, however many entities there are. A retry
    goes on where the last attempt stopped. ``together`` then has no meaning.

    Example: ``single: true``
    Since: 0.2
    """

    def task_of(self, stage: str) -> str:
        """The id of the task that does the work of a stage: ``fetch``, ``transform``, ``push`` or ``settle``."""
        return SINGLE_TASK if self.single else stage

    def to_clear(self, stage: str) -> str:
        """What a person clears so that a run goes on with a stage, for messages."""
        return f"the task {SINGLE_TASK} of this run" if self.single else f"the task {stage} of this run, with Downstream"
