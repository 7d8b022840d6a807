"""One line of an entity's history: a JSON array. A row keeps its newest lines, newest first."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, func, literal

from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage import tables

__all__ = ["KEPT", "REASON", "line", "line_of", "prepended", "printable"]

KEPT = 2_000
"""Characters of history that a row keeps; its oldest line may be cut in its midst."""
REASON = 300
"""Characters of a reason that a line keeps."""
_REFUSED = {0x00: "\ufffd", 0x1E: "\ufffd", 0x1F: "\ufffd"}


def line(status: Status, run: int, now: float) -> str:
    """``[seconds, "status", run.id]``"""
    return f'[{round(now, 3)},"{status}",{run}]'


def line_of(outcome: Outcome, run: int, now: float) -> str:
    """``[seconds, "status", run.id, attempts, http_status, reason]``"""
    reason = None if outcome.reason is None else printable(outcome.reason, REASON)
    fields = (round(now, 3), outcome.status, run, outcome.attempts, outcome.http_status, reason)
    return msgspec.json.encode(fields).decode()


def prepended(now: float, status: Status, reason: str) -> ColumnElement[str]:
    """SQL: the history with one line in front of it that no run has written."""
    line = msgspec.json.encode((round(now, 3), status, None, None, None, printable(reason, REASON))).decode()
    return func.substr(literal(line + "\n") + tables.entity.c.history, 1, KEPT)


def printable(text: str, longest: int) -> str:
    """At most ``longest`` characters, and only such as every database keeps: no NUL, no half of a surrogate pair.

    Nor the two control characters that part the columns in :mod:`airflow_integrations.ledger.storage.bulk`.
    """
    return text[:longest].translate(_REFUSED).encode("utf-8", "replace").decode()
