"""One Airflow, one shop and one ERP for the group ``pages``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from airflow_preload import preload
from pages_browser import chromium, chromium_path
from pages_scene import Scene
from playwright.sync_api import Browser
from warm_airflow import warm
from xdist_groups import Shared

from airflow_integrations.demo.scenario import STOCK


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module. While it is open an event loop runs in this thread: a module that uses it has no test and no
    fixture with a loop of its own."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def scene(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Only where there is a browser: it takes most of a minute to start."""
    chromium_path()

    @contextmanager
    def start() -> Iterator[Scene]:
        made = Scene(tmp_path_factory.mktemp("pages"))
        preload(warm(made.components).home)
        # The routes stay as they are, and nobody waits for a run but these tests.
        made.components.env["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"] = "60"
        made.components.env["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] = "0.5"
        with made:
            # It would run each minute, and no test looks at it.
            made.call("PATCH", f"/dags/{STOCK}", {"is_paused": True})
            yield made

    return shared.get("pages", start)
