"""A push of minutes says in the log how far it has come."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from engine_kinds import Clock, MemoryOutgoing, NoConnections, all_delivered
from push_scene import MakeRun, Scene, order

from airflow_integrations.engine.push import workers
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.run import Services


@pytest.mark.parametrize(("seconds", "lines"), [(0.0, 3), (3600.0, 0)])
async def test_it_tells_now_and_then(
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
    lines: int,
) -> None:
    monkeypatch.setattr(workers, "TOLD_SECONDS", seconds)
    MemoryOutgoing.answer = all_delivered
    scene = Scene(make_run, Services(NoConnections(), now=Clock(), ledger=Ledger.temporary()), tmp_path)
    with caplog.at_level(logging.INFO):
        await scene.run(order(1), order(2), order(3), route={"delivery": {"concurrency": 1}})
    told = [record.getMessage() for record in caplog.records if record.getMessage().endswith("to go")]
    assert told == ["push: 1 delivered, 2 to go", "push: 2 delivered, 1 to go", "push: 3 delivered, 0 to go"][:lines]
