"""As a person uses it: find what failed, mend it, send it again, see it arrive. And who may not."""

from __future__ import annotations

import re

import pytest
import requests
from pages_browser import signed_in
from pages_scene import CONTACTS, INVOICES, WAREHOUSE, Scene
from playwright.sync_api import Browser, FrameLocator, Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("pages")]
A_RUN = 400_000
"""Milliseconds that a run may take: a few seconds, and minutes where others use all cores."""


def inside(page: Page) -> FrameLocator:
    """The console as Airflow shows it: in an iframe of its own page."""
    return page.frame_locator("iframe[title=Routes]")


def test_a_failed_order_is_found_edited_and_delivered(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/")
        page.get_by_role("link", name="Routes").first.click()
        console = inside(page)
        console.get_by_role("link", name=INVOICES).click()
        group = console.get_by_role("row").filter(has_text="Currency is missing")
        key = group.locator("a[href*='/entities/']").inner_text()
        group.locator("a[href*='/entities/']").click()
        expect(console.get_by_role("heading", name=key, level=1)).to_be_visible()
        expect(console.locator("#live .badge").first).to_have_text("failed")
        expect(console.get_by_text("The target refused it, or its attempts ran out")).to_be_visible()

        expect(console.get_by_role("region", name="What it was asked", exact=True)).to_contain_text("POST http")
        expect(console.get_by_role("region", name="What it answered", exact=True)).to_contain_text(
            "Currency is missing"
        )

        console.get_by_role("button", name="Edit and retry").click()
        payload = console.locator("textarea[name=payload]")
        text = payload.input_value()
        assert '"Currency": null' in text
        payload.fill(text.replace('"Currency": null', '"Currency": "EUR"'))
        console.get_by_role("button", name="Save and retry").click()
        expect(console.locator("#said")).to_contain_text("due again")
        expect(console.locator("#said")).to_contain_text("A run of the route was started")
        # live: nobody reloads the page
        expect(console.locator("#live .badge").first).to_have_text("delivered", timeout=A_RUN)
        expect(console.locator("#live")).to_contain_text("payload edited by admin")
    assert scene.scenario.erp.get(f"/sales-orders/INV-{key}")["Currency"] == "EUR"


def test_a_viewer_reads_and_may_not_act(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene, "vic") as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/routes/{INVOICES}/entities?status=rejected")
        expect(page.get_by_role("button", name="Retry")).to_have_count(0)
        expect(page.locator("input[name=key][type=checkbox]")).to_have_count(0)
        page.locator("tbody a[href*='/entities/']").first.click()
        expect(page.get_by_text("You can view this route but not change it")).to_be_visible()
        refused = page.evaluate(
            """async (route) => {
                const form = new URLSearchParams({status: "rejected"});
                return (await fetch(`/integrations/routes/${route}/act/retry`, {method: "POST", body: form})).status;
            }""",
            INVOICES,
        )
        assert refused == 403


def test_nobody_is_led_to_the_login_and_from_there_to_the_page(scene: Scene, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{scene.url}/integrations/errors")
    page.wait_for_url("**/auth/login**")
    page.get_by_label("Username").fill("vic")
    page.get_by_label("Password").fill("vic")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/integrations/errors")
    expect(page.get_by_role("heading", name="Errors", level=1)).to_be_visible()
    context.close()


def test_another_site_cannot_act_with_the_cookie(scene: Scene) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Origin": scene.url}):
        answer = requests.post(
            f"{scene.url}/integrations/routes/{INVOICES}/act/skip",
            data={"status": "rejected", "reason": "because"},
            cookies={"_token": scene.token("admin")},
            headers=headers,
            timeout=30,
        )
        assert answer.status_code == 403
    assert "Nothing fits this search" in scene.page(f"/integrations/routes/{INVOICES}/entities?status=skipped")


def test_many_are_chosen_asked_about_and_skipped(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/routes/{CONTACTS}/entities?prefix=C-")
        page.get_by_label("all on this page").check()
        expect(page.locator("[data-chosen]")).to_have_text("1 chosen")
        page.get_by_role("button", name="Skip").first.click()
        dialog = page.get_by_role("dialog", name="Skip")
        expect(dialog.get_by_role("heading")).to_have_text("Skip 1")
        dialog.get_by_label("Why?").fill("handed over by mistake")
        dialog.get_by_role("button", name="Skip them").click()
        expect(page.locator("#said")).to_contain_text("skipped")
        expect(page.locator("#live tbody .badge").first).to_have_text("skipped")
        page.locator("#live tbody a").first.click()
        expect(page.locator(".timeline")).to_contain_text("handed over by mistake (by admin)")


def test_one_is_retried_with_a_click(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/routes/{INVOICES}/entities?status=rejected")
        page.locator("#live tbody a").last.click()
        page.get_by_role("button", name="Retry", exact=True).click()
        expect(page.locator("#said")).to_contain_text("1 entity is due again")
        # the route has not been mended
        expect(page.locator("#live .badge").first).to_have_text("rejected", timeout=A_RUN)
        expect(page.locator(".timeline")).to_contain_text("retry by admin")


def test_all_of_one_kind_are_a_job_with_progress(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/errors?route={WAREHOUSE}")
        page.get_by_role("button", name="Retry all").first.click()
        asked = page.get_by_role("dialog", name="Are you sure?")
        expect(asked).to_contain_text(f"entities of {WAREHOUSE}")
        asked.get_by_role("button", name="Cancel").click()
        expect(page.locator("#said")).to_be_empty()
        page.get_by_role("button", name="Retry all").first.click()
        page.get_by_role("dialog", name="Are you sure?").get_by_role(
            "button", name=re.compile(r"^Retry [\d,]+$")
        ).click()
        note = page.locator("#said .note")
        expect(note).to_contain_text(f"Retry in {WAREHOUSE}", timeout=A_RUN)
        expect(note.get_by_role("button", name="Close")).to_be_visible(timeout=A_RUN)
        page.get_by_role("link", name="Jobs").click()
        expect(page.locator("#live")).to_contain_text(f"retry in {WAREHOUSE}")
