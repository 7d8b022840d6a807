"""Dialogs: the key does what the button does, nothing is sent but by POST, and what somebody wrote is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pages_browser import signed_in
from pages_scene import INVOICES, WAREHOUSE, Scene
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("pages")]
MARK = "a note that nobody else writes"


@contextmanager
def edited(scene: Scene, browser: Browser) -> Iterator[tuple[BrowserContext, Page, Locator, list[Request]]]:
    """The dialog of a rejected invoice with a note written into it, and all requests that are made from then on."""
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/routes/{INVOICES}/entities?status=rejected")
        page.locator("#live tbody a").first.click()
        page.get_by_role("button", name="Edit and retry").click()
        text = page.locator("textarea[name=payload]")
        text.fill(text.input_value().replace("{", '{"note": "' + MARK + '",', 1))
        asked: list[Request] = []
        page.on("request", lambda request: asked.append(request))
        yield context, page, text, asked
        assert [request.url for request in asked if "note" in request.url] == []
        assert {request.method for request in asked if "/act/" in request.url} <= {"POST"}


@pytest.mark.parametrize("key", [True, False], ids=["key", "button"])
def test_the_key_does_what_the_button_does(scene: Scene, browser: Browser, key: bool) -> None:
    with edited(scene, browser) as (_, page, text, asked):
        address = page.url
        if key:
            text.press("Control+Enter")
        else:
            page.get_by_role("button", name="Save and retry").click()
        expect(page.locator("#said")).to_contain_text("saved, and due again")
        expect(page.locator("#said")).to_contain_text("A run of the route was started")
        expect(page.get_by_role("dialog", name="Edit the payload")).to_be_hidden()
        assert page.url == address
        sent = [request.post_data or "" for request in asked if "/act/edit" in request.url]
        assert [("nobody" in body, body.endswith("&retry=yes")) for body in sent] == [(True, True)]


def test_a_refusal_is_shown_where_it_was_written(scene: Scene, browser: Browser) -> None:
    with edited(scene, browser) as (_, page, text, _):
        text.fill('{\n  "note": "' + MARK + '"\n  "more": 1\n}')
        text.press("Control+Enter")
        dialog = page.get_by_role("dialog", name="Edit the payload")
        expect(dialog.get_by_role("alert").first).to_contain_text("Not saved")
        expect(dialog.get_by_role("alert").first).to_contain_text("invalid JSON at line 3")
        assert MARK in text.input_value()
        text.fill('{"note": "' + MARK + '"}')
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#said")).to_contain_text("The edited payload is saved")
        expect(dialog).to_be_hidden()


def test_what_was_written_outlives_the_session(scene: Scene, browser: Browser) -> None:
    with edited(scene, browser) as (context, page, text, _):
        cookies: Any = context.cookies()
        context.clear_cookies()
        text.press("Control+Enter")
        dialog = page.get_by_role("dialog", name="Edit the payload")
        expect(dialog.get_by_role("alert").first).to_contain_text("You are not signed in")
        expect(dialog.get_by_role("alert").first).to_contain_text("what you wrote is still there")
        assert MARK in text.input_value()
        context.add_cookies(cookies)
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#said")).to_contain_text("The edited payload is saved")


def test_a_server_that_is_away_is_told_in_the_dialog(scene: Scene, browser: Browser) -> None:
    with edited(scene, browser) as (_, page, text, _):
        page.route("**/act/edit", lambda route: route.abort())
        text.press("Control+Enter")
        dialog = page.get_by_role("dialog", name="Edit the payload")
        expect(dialog.get_by_role("alert").first).to_contain_text("Airflow does not answer")
        assert MARK in text.input_value()
        page.unroute("**/act/edit")
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#said")).to_contain_text("The edited payload is saved")


def test_without_the_script_it_is_still_a_post(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.route("**/htmx-*.js*", lambda route: route.abort())
        page.goto(f"{scene.url}/integrations/routes/{WAREHOUSE}/entities?status=retrying")
        page.goto(page.locator("#live tbody a").last.evaluate("link => link.href"))
        page.evaluate("document.getElementById('skip').showModal()")
        page.get_by_label("Why?").fill(MARK)
        with page.expect_request("**/act/skip") as asked:
            page.get_by_role("button", name="Skip it").click()
        assert asked.value.method == "POST"
        assert "nobody" not in asked.value.url
        expect(page.get_by_role("heading", level=1)).to_have_text("1 entity is skipped")
