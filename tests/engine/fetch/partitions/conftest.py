"""For the tests of partitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from partition_scene import Parted, PartedIncoming

from airflow_integrations.route import registry
from airflow_integrations.run import Run, Services


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, make_run: Callable[..., Run], services: Services, tmp_path: Path) -> Parted:
    monkeypatch.setitem(registry._BUILT_IN["incoming"], "parted", "partition_scene:PartedIncoming")
    PartedIncoming.pages_of, PartedIncoming.asked = {}, []
    PartedIncoming.before = lambda place, number: None
    return Parted(make_run, services, tmp_path)
