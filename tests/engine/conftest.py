from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered

from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture(autouse=True)
def memory_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "memory", "engine_kinds:MemoryIncoming")
    monkeypatch.setitem(registry._BUILT_IN["outgoing"], "memory", "engine_kinds:MemoryOutgoing")
    MemoryIncoming.pages_to_give, MemoryIncoming.before, MemoryIncoming.asked = [], lambda number: None, []
    MemoryOutgoing.sent, MemoryOutgoing.answer = [], all_delivered
    MemoryOutgoing.under_way = MemoryOutgoing.most_under_way = 0


@pytest.fixture
def make_run() -> Callable[..., Run]:
    def make(*, route: dict[str, Any] | None = None, **asked: Any) -> Run:
        definition = {
            "route": "orders",
            "entity": {"name": "order", "key": "order.number"},
            "incoming": {"memory": {}},
            "outgoing": {"memory": {}},
            **(route or {}),
        }
        return Run(Route.load(definition), asked.pop("run_id", "run-1"), asked.pop("window", WINDOW), **asked)

    return make


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(clock: Clock) -> Iterator[Services]:
    made = Services(NoConnections(), now=clock)
    yield made
    made.ledger.close()


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path, "orders", "run-1")
