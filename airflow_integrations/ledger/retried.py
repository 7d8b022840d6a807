"""What may be retried by one word, on the command line and in a run's conf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.status import Status

__all__ = ["BY_STATUS", "RETRIED"]

BY_STATUS: Final[tuple[Status, ...]] = ("failed", "rejected", "in_doubt", "waiting", "retrying", "skipped")

RETRIED: Final[Mapping[str, RetryWanted]] = {
    "due": RetryWanted(),
    **{status: RetryWanted(statuses=frozenset({status})) for status in BY_STATUS},
    # Not those that wait for the target's confirmation: it has them.
    "all": RetryWanted(statuses=frozenset({"failed", "rejected", "in_doubt", "retrying"})),
}
"""``due`` are those that are due by themselves; a status names all that have it; ``all`` is all that went wrong."""
