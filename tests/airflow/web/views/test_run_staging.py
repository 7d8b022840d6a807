"""A run for events is staged under its DAG's name: pages that read a run's staging find it there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.web.views.run_staging import staging_of
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window


@pytest.mark.parametrize(
    ("run_id", "folder"),
    [
        ("scheduled__1", ("orders", "scheduled__1")),
        ("orders__events/event__7", ("orders__events", "event__7")),
        ("by_hand.orders/manual__1", ("by_hand.orders", "manual__1")),
    ],
)
def test_a_runs_staging_is_where_its_tasks_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_id: str, folder: tuple[str, str]
) -> None:
    monkeypatch.setattr(settings, "staging_base", lambda: str(tmp_path))
    staged = Staging(str(tmp_path), *folder)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        console: Any = SimpleNamespace(database=ledger)
        window, folder_name = Window(EPOCH, datetime(2026, 1, 31, tzinfo=UTC)), str(staged.folder)
        begin_run(ledger, "orders", run_id, kind="event", window=window, route_hash="abc", staging=folder_name, now=1.0)
        assert staging_of(console, "orders", run_id).folder == staged.folder
        assert staging_of(console, "orders", "unknown").manifest("fetch") is None
