"""When a task is tried again after an outage: by Airflow's own back-off, but not before the server's Retry-After."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from airflow_integrations.errors import OutageError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["OutageRetry"]

LONGEST = timedelta(hours=6)
"""A server that names a longer pause is asked again after this one."""


class OutageRetry(RetryPolicy):
    """Obeys :attr:`OutageError.retry_after`. How many retries there are stays the task's ``retries``."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        if not isinstance(exception, OutageError) or exception.retry_after is None:
            return RetryDecision.default()
        pause = min(timedelta(seconds=exception.retry_after), LONGEST)
        own: Any = getattr(context["task"], "retry_delay", None) if context else None
        if isinstance(own, timedelta) and own * 2 ** (try_number - 1) >= pause:
            return RetryDecision.default()
        return RetryDecision.retry(delay=pause, reason=f"the server asked to wait {pause.total_seconds():.0f} s")
