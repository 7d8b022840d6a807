"""Pictures of every page in light and dark, for README and docs: ``make screenshots``.

Starts the demo with routes that fail, gives it a day of history, and looks at it with the same browser as the tests.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from pages_browser import chromium, signed_in, theme
from pages_scene import INVOICES, Scene
from PIL import Image
from playwright.sync_api import BrowserContext, Page

IMAGES = Path(__file__).parents[4] / "docs" / "images" / "console"
WIDTH = 1280
COLOURS = 128
"""Of a picture's palette: a quarter of the bytes, and nobody sees the difference."""
STEP = 900.0
"""Seconds between two runs of the history."""


def shots(scene: Scene) -> dict[str, tuple[str, int]]:
    """By name: the page as a path below Airflow's address, and how high its picture is."""
    keys = re.findall(r"/entities/([^\"?]+)", scene.page(f"/integrations/routes/{INVOICES}/entities?status=failed"))
    inside = "/plugin/integrations/integrations"
    return {
        "overview": (f"{inside}/", 760),
        "route": (f"{inside}/routes/{INVOICES}", 1180),
        "entities": (f"{inside}/routes/{INVOICES}/entities?status=rejected", 720),
        "entity": (f"{inside}/routes/{INVOICES}/entities/{keys[0]}", 1180),
        "errors": (f"{inside}/errors", 760),
        "queue": (f"{inside}/queue", 720),
        "tab": (f"/dags/{INVOICES}/plugin/integrations-route", 900),
    }


def take(context: BrowserContext, scene: Scene, mode: str) -> None:
    theme(context, mode)
    page = context.new_page()
    for name, (path, height) in shots(scene).items():
        page.set_viewport_size({"width": WIDTH, "height": height})
        page.goto(scene.url + path)
        page.frame_locator("iframe").locator("h1").wait_for()
        page.wait_for_timeout(1_500)  # the menu of Airflow's page slides in
        _keep(page, f"{name}-{mode}.png")
        if name == "entity":
            page.frame_locator("iframe").get_by_role("button", name="Edit and retry").click()
            _keep(page, f"edit-{mode}.png")


def _keep(page: Page, name: str) -> None:
    path = IMAGES / name
    page.screenshot(path=path)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path.relative_to(IMAGES.parents[2])}  {path.stat().st_size // 1024} KB", flush=True)


def a_day_before(ledger: Path) -> None:
    """Books of runs that might have been: without them every chart is a line along the ground."""
    rng = random.Random(3)
    with sqlite3.connect(ledger, timeout=60) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(integrations_run)")]
        database.row_factory = sqlite3.Row
        told = database.execute(
            "SELECT * FROM integrations_run WHERE counts LIKE '%delivered%' "
            "GROUP BY route_id HAVING max(length(counts))"
        ).fetchall()
        for number, run in enumerate(told):
            for back in range(1, 96):
                busy = rng.randint(1, 3 + back % 48 // 12)
                counts = {name: n * busy for name, n in json.loads(run["counts"]).items()}
                started = time.time() - back * STEP
                values = {**dict(run), "started": started, "finished": started + 4 * busy + rng.uniform(0, 3)}
                values["id"] = -100 * number - back  # older than all others
                values |= {"counts": json.dumps(counts), "run_id": f"scheduled__{back}", "staging": "", "again": None}
                names = ",".join(f'"{column}"' for column in columns)
                marks = ",".join("?" * len(columns))
                database.execute(
                    f"INSERT INTO integrations_run ({names}) VALUES ({marks})", [values[column] for column in columns]
                )


def main() -> int:
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as home,
        Scene(Path(home) / "scene", orders=240, hostile=False, say=print) as scene,
        chromium() as browser,
    ):
        a_day_before(scene.components.home / "integrations" / "ledger.db")
        for mode in ("light", "dark"):
            with signed_in(browser, scene) as context:
                take(context, scene, mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
