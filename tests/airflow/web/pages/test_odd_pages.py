"""Pages of what a demo does not have, in a browser: nothing breaks them, and each says what it has to say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from odd_scene import LONG, RUN, Kept, filled, routes_of_old
from pages_browser import chromium, problems_of, theme
from playwright.sync_api import Browser, Page, expect
from web_scene import Server

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]

PAGES = {
    "overview": "",
    "the last page of the overview": "?page=7",
    "route": "routes/orders",
    "run": f"routes/orders/runs/{RUN}",
    "entities": "routes/orders/entities",
    "failed": "routes/orders/entities?status=failed",
    "a long key": f"routes/orders/entities/{quote(LONG)}",
    "a long id and version": "routes/orders/entities/0002",
    "unchanged": "routes/orders/entities/0005",
    "filtered": "routes/orders/entities/0009",
    "errors": "errors",
    "queue": "queue",
    "jobs": "jobs",
    "find": "find?key=0003",
    "find a part": "find?key=rder-%C3%A4",
}


@contextmanager
def opened(browser: Browser, server: Server, mode: str = "light", width: int = 1280) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": 800})
    context.add_cookies([{"name": "_token", "value": server.token("admin"), "url": server.components.url}])
    theme(context, mode)
    yield context.new_page()
    context.close()


def go(page: Page, server: Server, path: str) -> None:
    page.goto(f"{server.components.url}/integrations/{path}")


@pytest.fixture(scope="module")
def kept(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    server.empty()
    asyncio.run(filled(server))
    routes_of_old(server, 300)
    return Kept(server, tmp_path_factory.mktemp("odd"))


@pytest.fixture
def odd(kept: Kept) -> Server:
    kept.put_back()
    return kept.server


@pytest.fixture(scope="module")
def browser(kept: Kept) -> Iterator[Browser]:
    """Opened behind what needs an event loop of its own."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("mode", "width"), [("light", 390), ("dark", 1280)])
def test_no_page_is_wider_than_the_window(odd: Server, browser: Browser, mode: str, width: int) -> None:
    with opened(browser, odd, mode, width) as page:
        found = {}
        for name, path in PAGES.items():
            go(page, odd, path)
            found[name] = (page.evaluate("document.documentElement.scrollWidth"), problems_of(page))
        assert found == dict.fromkeys(PAGES, (width, []))


def test_a_long_key_takes_three_lines_of_a_table_and_is_whole_on_its_page(odd: Server, browser: Browser) -> None:
    with opened(browser, odd) as page:
        go(page, odd, PAGES["failed"])
        link = page.get_by_role("link", name=LONG)
        expect(link).to_have_attribute("title", LONG)
        box = page.get_by_role("row").filter(has=link).bounding_box()
        assert box is not None
        assert box["height"] < 120
        link.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(LONG)


def test_hundreds_of_routes_are_paged_and_counted(odd: Server, browser: Browser) -> None:
    with opened(browser, odd) as page:
        go(page, odd, "")
        expect(page.get_by_text("of 303 routes in trouble")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(50)
        pages = page.get_by_role("navigation", name="Pages")
        expect(pages.get_by_role("link")).to_have_count(7)
        pages.get_by_role("link", name="7").click()
        expect(page.locator("tbody tr")).to_have_count(3)
        page.get_by_label("Name or system").fill("to_299")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("typed", ["rDeR-äWäw", "ÄWÄ", LONG.lower()], ids=["beginning", "middle", "all of it"])
def test_a_key_is_found_by_any_part_in_any_case(odd: Server, browser: Browser, typed: str) -> None:
    with opened(browser, odd) as page:
        go(page, odd, "routes/orders/entities")
        page.get_by_label("Key contains").fill(typed)
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("row").filter(has_text="Order-Ä")).to_have_count(1)
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_placeholder("Find a key in all routes").fill(typed)  # in 303 of them
        page.keyboard.press("Enter")
        expect(page.get_by_role("row").filter(has_text="Order-Ä")).to_have_count(1)


def test_what_has_no_key_is_on_its_runs_page(odd: Server, browser: Browser) -> None:
    with opened(browser, odd) as page:
        go(page, odd, PAGES["run"])
        panel = page.locator(".panel").filter(has_text="Rejected because of their key")
        expect(panel.locator("tbody tr")).to_have_count(2)
        expect(panel).to_contain_text("the entity has no key")
        record = panel.locator("details").first
        record.locator("summary").click()
        expect(record.locator("pre")).to_contain_text('"email": "***"')
        assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_an_unchanged_entity_tells_when_it_was_delivered(odd: Server, browser: Browser) -> None:
    with opened(browser, odd) as page:
        go(page, odd, PAGES["unchanged"])
        expect(page.locator("#live .panel").first).to_contain_text(re.compile(r"unchanged\s*delivered .* ago\s*since"))
        go(page, odd, "routes/orders/entities?status=unchanged")
        expect(page.get_by_role("row").filter(has_text="0005")).to_contain_text(
            re.compile("unchanged *delivered .*ago")
        )


def test_a_job_that_did_nothing_says_why(odd: Server, browser: Browser) -> None:
    with opened(browser, odd) as page:
        go(page, odd, "jobs")
        row = page.get_by_role("row").filter(has_text="retry in orders")
        expect(row).to_contain_text("nothing done")
        expect(row).to_contain_text("of 1 the payload is gone")
        expect(row).to_contain_text("0 of 1")
        number = odd.get("/jobs")[0]["id"]
        go(page, odd, f"jobs/{number}")  # the note alone is not a page
        expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()
