"""Runs and outcomes for the ledger's tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.runs import begin_run, finish_run
from airflow_integrations.ledger.storage import tables
from airflow_integrations.window import EPOCH, Window

WINDOW = Window(EPOCH, datetime(2026, 1, 31, tzinfo=UTC))


def begin(ledger: Ledger, run_id: str = "first", route: str = "orders", now: float = 1.0) -> RunRef:
    return begin_run(
        ledger, route, run_id, kind="manual", window=WINDOW, route_hash="abc", staging=f"staged/{run_id}", now=now
    )


def delivered(key: str, content: str = "h1", **more: Any) -> Outcome:
    return Outcome(key=key, status="delivered", hash=content, **more)


def retrying(key: str, next_attempt: float | None = 10.0, **more: Any) -> Outcome:
    facts: dict[str, Any] = {"hash": "h1", "error_class": "server", "reason": "500", "attempts": 1, "since": 2.0} | more
    return Outcome(key=key, status="retrying", next_attempt=next_attempt, payload_stage="push", payload_at=7, **facts)


def finish(ledger: Ledger, run: RunRef, now: float = 50.0, **more: Any) -> None:
    facts: dict[str, Any] = {"counts": {}, "seconds": {}, "verdict": None, "bytes": 0, "covered": None, "cursor": None}
    finish_run(ledger, run, now=now, **(facts | more))


def row(ledger: Ledger, key: str, route: str = "orders") -> Any:
    """The entity as it is in the table; None: not there."""
    with ledger.read() as connection:
        return connection.execute(
            select(tables.entity)
            .join(tables.route, tables.route.c.id == tables.entity.c.route_id)
            .where(tables.route.c.name == route, tables.entity.c.key == key)
        ).one_or_none()
