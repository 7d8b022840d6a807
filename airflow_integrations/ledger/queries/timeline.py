"""An entity's history as people read it: one JSON array a line, newest first.

``[at, status, run, attempts, http status, reason]``: the last three may be left out; the run is null where a person or
the maintenance decided. :mod:`~airflow_integrations.ledger.runs.history` has the lines that runs write,
:mod:`~airflow_integrations.ledger.actions.action_log` the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_integrations.ledger.queries.views import Transition
from airflow_integrations.ledger.status import STATUSES

__all__ = ["read_lines", "transitions"]

_decode = msgspec.json.Decoder(list[Any]).decode


def read_lines(history: str) -> list[list[Any]]:
    """The whole lines of a history, newest first, each filled up to its six fields."""
    found = []
    for line in history.split("\n"):
        try:
            fields = _decode(line)
        except msgspec.DecodeError:  # the end of it was cut off
            break
        if len(fields) < 2 or fields[1] not in STATUSES:
            break
        found.append((fields + [None] * 6)[:6])
    return found


def transitions(lines: list[list[Any]], run_ids: Mapping[int, str]) -> tuple[Transition, ...]:
    """The same for people. ``run_ids``: the ledger's numbers of runs to their ids."""
    return tuple(
        Transition(at, status, run_ids.get(run) if run is not None else None, attempts, http_status, reason)
        for at, status, run, attempts, http_status, reason in lines
    )
