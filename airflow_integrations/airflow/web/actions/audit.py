"""Airflow's audit log (Browse → Audit Log): who has done what to how many entities of which route."""

from __future__ import annotations

import json
from typing import Any

from airflow.models.log import Log
from airflow.utils.session import create_session

__all__ = ["audit"]

MOST = 1_000
"""Characters of one fact: a thousand keys are counted, and the first of them named."""


def audit(who: str, what: str, route: str, **facts: Any) -> None:
    """One row, with the event ``integrations_<what>`` and the route as its DAG. No payload belongs into ``facts``."""
    told = {
        name: f"{value[:MOST]}…" if isinstance(value, str) and len(value) > MOST else value
        for name, value in facts.items()
        if value is not None
    }
    extra = json.dumps(told, default=str)
    with create_session() as session:
        session.add(
            Log(
                event=f"integrations_{what}"[:60],
                owner=who[:500],
                owner_display_name=who[:500],
                extra=extra,
                dag_id=route,
            )
        )
