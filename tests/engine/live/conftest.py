"""For the tests of consumers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from consumer_scene import MakeRun, Scene

from airflow_integrations.engine.live import consumer as consumer_module


@pytest.fixture
async def make_scene(make_run: MakeRun, ledger_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(**more: Any) -> Scene:
        definition = {"trigger": {"latency": "low", **more.pop("trigger", {})}, **more}
        made.append(Scene(make_run(route=definition).route, ledger_url, tmp_path))
        return made[-1]

    yield make
    for scene in made:
        await scene.close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The books of a live run are closed soon, so that tests see them."""
    monkeypatch.setattr(consumer_module, "IDLE_SECONDS", 0.3)
