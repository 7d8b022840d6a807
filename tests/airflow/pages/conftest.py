"""One Airflow, one shop, one ERP and one browser for all tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages_browser import chromium
from pages_scene import Scene
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Asked for only where there is a browser: it takes most of a minute to start."""
    with Scene(tmp_path_factory.mktemp("pages")) as started:
        yield started
