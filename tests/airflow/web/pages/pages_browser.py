"""A real Chromium that only talks to this machine, and what the tests look at in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pages_scene import Scene
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

__all__ = ["AXE", "chromium", "problems_of", "signed_in", "theme"]

AXE = next((Path(__file__).parent / "vendor").glob("axe-*.min.js"))
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 45_000
"""Milliseconds: Airflow's own page takes its time on a machine that runs other tests."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str:
    """Its path. Skips where none is installed; fails instead in CI."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    told = f"no browser: none of {', '.join(_NAMES)} is on PATH (Debian: apt install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(told)
    pytest.skip(told)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@contextmanager
def signed_in(browser: Browser, scene: Scene, user: str = "admin", **how: Any) -> Iterator[BrowserContext]:
    """A browser of its own for one user. In the end it has asked no other host for anything."""
    context = browser.new_context(**how)
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "_token", "value": scene.token(user), "url": scene.url}])
    elsewhere: list[str] = []
    context.on("request", lambda request: None if _here(request.url, scene) else elsewhere.append(request.url))
    try:
        yield context
    finally:
        context.close()
    assert elsewhere == []


def _here(url: str, scene: Scene) -> bool:
    return url.startswith((scene.url, "data:", "blob:", "about:"))


def theme(context: BrowserContext, name: str) -> None:
    """As Airflow keeps it when a user has chosen."""
    context.add_init_script(f"localStorage.setItem('theme', {json.dumps(name)})")


def problems_of(page: Page) -> list[str]:
    """What axe calls serious or critical on the page, a line each."""
    # evaluated by the browser's own protocol: the page's content security policy does not reach it
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['impact']} {each['id']}: {each['help']}: {[node['target'] for node in each['nodes']][:4]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
