"""One Airflow, one shop and one ERP for all tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages_browser import chromium, chromium_path
from pages_scene import Scene
from playwright.sync_api import Browser


@pytest.fixture
def browser() -> Iterator[Browser]:
    """One for each test: while it is open an event loop runs in this thread, and no other test could have one."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Only where there is a browser: it takes most of a minute to start."""
    chromium_path()
    with Scene(tmp_path_factory.mktemp("pages")) as started:
        yield started
