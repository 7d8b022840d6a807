"""The console inside Airflow's UI: tabs, links out of the frame, the colour mode, the keyboard, narrow screens."""

from __future__ import annotations

import re

import pytest
from pages_browser import problems_of, signed_in, theme
from pages_scene import CONTACTS, HOSTILE, INVOICES, Scene
from playwright.sync_api import Browser, Route, expect

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("pages")]


def pages(scene: Scene) -> dict[str, str]:
    """Every page by its name, as a path below Airflow's address."""
    run_id = scene.call("GET", f"/dags/{INVOICES}/dagRuns?limit=1&order_by=run_after")["dag_runs"][0]["dag_run_id"]
    hashes = re.findall(r"/versions/(\w+)", scene.page(f"/integrations/routes/{INVOICES}"))
    keys = re.findall(r"/entities/([^\"?]+)", scene.page(f"/integrations/routes/{INVOICES}/entities?status=rejected"))
    hostile = re.findall(r"/entities/([^\"?]+)", scene.page(f"/integrations/routes/{CONTACTS}/entities"))
    return {
        "overview": "/integrations/",
        "route": f"/integrations/routes/{INVOICES}",
        "run": f"/integrations/routes/{INVOICES}/runs/{run_id}",
        "version": f"/integrations/routes/{INVOICES}/versions/{hashes[0]}",
        "entities": f"/integrations/routes/{INVOICES}/entities",
        "entity": f"/integrations/routes/{INVOICES}/entities/{keys[0]}",
        "hostile": f"/integrations/routes/{CONTACTS}/entities/{hostile[0]}",
        "hostile-list": f"/integrations/routes/{CONTACTS}/entities",
        "errors": "/integrations/errors",
        "queue": "/integrations/queue",
        "jobs": "/integrations/jobs",
        "find": "/integrations/find?key=SO-1000",
        "no-route": "/integrations/tabs/dag/no_route",
        "nothing": f"/integrations/routes/{INVOICES}/entities/none",
    }


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(scene: Scene, browser: Browser, mode: str) -> None:
    found = {}
    with signed_in(browser, scene) as context:
        theme(context, mode)
        page = context.new_page()
        for name, path in pages(scene).items():
            page.goto(scene.url + path)
            expect(page.locator("html")).to_have_attribute("data-theme", mode)
            found[name] = problems_of(page)
            for opens in ("Edit and retry", "Skip") if name == "hostile" else ():
                page.get_by_role("button", name=opens).click()
                found[f"{name}, {opens}"] = problems_of(page)
                page.keyboard.press("Escape")
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_hostile_payloads_do_nothing(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        alarms: list[str] = []
        page.on("console", lambda message: alarms.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: alarms.append(str(error)))
        for name, path in pages(scene).items():
            if name != "nothing":
                page.goto(scene.url + path)
                assert page.evaluate("window.top.pwned") is None, name
        page.goto(scene.url + pages(scene)["hostile"])
        expect(page.locator("h1")).to_have_text(HOSTILE)
        page.get_by_role("button", name="Edit and retry").click()
        textarea = page.locator("textarea")
        assert "<script>" in textarea.input_value()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#said")).to_contain_text("The edited payload is saved")
        expect(page.locator("#live")).to_contain_text("payload edited by")
        assert page.evaluate("[window.top.pwned, document.querySelectorAll('main img').length]") == [None, 0]
        assert alarms == []


def test_every_page_fits_a_phone(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene, viewport={"width": 375, "height": 740}) as context:
        page = context.new_page()
        for name, path in pages(scene).items():
            page.goto(scene.url + path)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 375, (name, wide)


def test_tabs_of_dag_run_and_task_show_the_route_and_links_lead_out(scene: Scene, browser: Browser) -> None:
    run_id = scene.call("GET", f"/dags/{INVOICES}/dagRuns?limit=1&order_by=run_after")["dag_runs"][0]["dag_run_id"]
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/dags/{INVOICES}")
        # the tab, not the entry of Airflow's navigation, which is there before it
        page.locator(f"a[href$='/dags/{INVOICES}/plugin/integrations-route']").click()
        frame = page.frame_locator("iframe[title=Integrations]")
        expect(frame.get_by_role("heading", name=INVOICES, level=1)).to_be_visible()
        frame.get_by_role("link", name="Entities").first.click()
        expect(frame.get_by_role("heading", name="Entities", level=1)).to_be_visible()
        assert "/dags/" in page.url  # links between the console's pages stay inside

        page.goto(f"{scene.url}/dags/{INVOICES}/runs/{run_id}/plugin/integrations-run")
        expect(frame.get_by_role("heading", name=run_id, level=1)).to_be_visible()
        frame.get_by_role("link", name="Run in Airflow").click()
        page.wait_for_url(re.compile(r"/dags/[^/]+/runs/[^/]+/?$"))  # out of the frame, in spite of its sandbox
        expect(page.locator("iframe")).to_have_count(0)

        page.goto(f"{scene.url}/dags/{INVOICES}/tasks/push/plugin/integrations-stage")
        expect(frame.locator("rect.stage.now")).to_have_count(1)
        page.goto(f"{scene.url}/dags/{INVOICES}/runs/{run_id}/tasks/transform/plugin/integrations-task")
        expect(frame.locator("rect.stage.now")).to_have_count(3)

        page.goto(f"{scene.url}/dags/no_route/plugin/integrations-route")
        expect(frame.get_by_role("heading", name="no_route is not an integration route")).to_be_visible()
        frame.get_by_role("link", name="All routes").click()
        expect(frame.get_by_role("heading", name="Routes", level=1)).to_be_visible()


def test_the_address_in_airflow_follows_the_page(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/plugin/integrations")
        frame = page.frame_locator("iframe[title=Routes]")
        frame.get_by_role("link", name=INVOICES).click()
        page.wait_for_url(f"**/plugin/integrations/integrations/routes/{INVOICES}")
        page.reload()
        expect(frame.get_by_role("heading", name=INVOICES, level=1)).to_be_visible()


def test_the_colour_mode_follows_airflow_at_once(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/plugin/integrations")
        root = page.frame_locator("iframe[title=Routes]").locator("html")
        expect(root).to_have_attribute("data-theme", "light")
        page.evaluate("localStorage.setItem('theme', 'dark')")
        expect(root).to_have_attribute("data-theme", "dark")


def test_the_keyboard_is_enough(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("SO-100000")
        page.keyboard.press("Enter")
        row = page.get_by_role("row").filter(has_text=INVOICES)
        row.get_by_role("link").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="SO-100000", level=1)).to_be_visible()
        skip = page.get_by_role("button", name="Skip")
        for _ in range(3 * 40):  # a key amid a refresh of the live part begins at the top of the page again
            if skip.evaluate("button => button === document.activeElement"):
                break
            page.keyboard.press("Tab")
        expect(skip).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Skip this entity")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Skip this entity")).to_be_hidden()
        expect(skip).to_be_focused()


def test_an_answer_that_comes_after_a_dialog_was_opened_changes_nothing_under_it(
    scene: Scene, browser: Browser
) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/")
        page.get_by_role("searchbox").fill("SO-100000")
        page.keyboard.press("Enter")
        page.get_by_role("row").filter(has_text=INVOICES).get_by_role("link").first.click()
        skip = page.get_by_role("button", name="Skip")
        expect(skip).to_be_visible()
        held: list[Route] = []
        page.route(lambda url: "/entities/" in url, lambda route: held.append(route))
        page.evaluate("htmx.trigger(document.body, 'beat')")
        while not held:
            page.wait_for_timeout(20)
        skip.evaluate("button => { button.dataset.theSame = 'yes' }")
        skip.click()
        expect(page.get_by_role("dialog", name="Skip this entity")).to_be_visible()
        with page.expect_response(lambda response: "/entities/" in response.url) as answered:
            held[0].continue_()
        answered.value.finished()
        page.wait_for_timeout(200)
        page.keyboard.press("Escape")
        expect(skip).to_be_focused()
        expect(skip).to_have_attribute("data-the-same", "yes")


def test_live_parts_rest_while_nobody_looks(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on(
            "request",
            lambda request: (
                asked.append(request.url)
                if "HX-Request" in str(request.headers) or request.headers.get("hx-request")
                else None
            ),
        )
        page.clock.install()
        page.goto(f"{scene.url}/integrations/queue")
        page.clock.run_for(6_500)
        page.wait_for_timeout(100)
        assert len(asked) == 1
        page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
        page.clock.run_for(20_000)
        page.wait_for_timeout(100)
        assert len(asked) == 1


def test_what_cannot_be_refreshed_stays_and_says_so(scene: Scene, browser: Browser) -> None:
    def away(route: Route) -> None:
        if "hx-request" in route.request.headers:
            route.fulfill(status=503, content_type="text/html", body="<p>away</p>")
        else:
            route.continue_()

    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/queue")
        rows = page.locator("#live tr").count()
        page.route("**/integrations/queue", away)
        page.evaluate("htmx.trigger(document.body, 'beat')")
        expect(page.locator("#stale")).to_contain_text("Airflow answered 503. This page is out of date.")
        assert page.locator("#live tr").count() == rows > 0
        page.unroute("**/integrations/queue")
        page.evaluate("htmx.trigger(document.body, 'beat')")
        expect(page.locator("#stale")).to_be_hidden()


def test_who_is_signed_out_meanwhile_keeps_the_page_and_hears_of_it(scene: Scene, browser: Browser) -> None:
    with signed_in(browser, scene) as context:
        page = context.new_page()
        page.goto(f"{scene.url}/integrations/errors")
        context.clear_cookies()
        page.evaluate("htmx.trigger(document.body, 'beat')")
        expect(page.locator("#stale")).to_contain_text("You are no longer signed in")
        expect(page.locator("#live table")).to_be_visible()
        page.locator("#stale a").click()
        page.wait_for_url("**/auth/login**")
