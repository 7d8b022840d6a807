"""The class of an error that stands in the way of a whole batch."""

from __future__ import annotations

from airflow_integrations.errors import OutageError, SetupError

__all__ = ["cause_of"]


def cause_of(error: OutageError | SetupError) -> str:
    """A ``Result.cause``: ``setup``, ``rate_limit`` for a 429, ``server`` for another status, ``outage`` for none."""
    if isinstance(error, SetupError):
        return "setup"
    if error.status is None:
        return "outage"
    return "rate_limit" if error.status == 429 else "server"
