"""What templates make of values: escaped, short, in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.requests import Request

from airflow_integrations.airflow.web.pages.payloads import shown
from airflow_integrations.airflow.web.pages.rendering import render
from airflow_integrations.airflow.web.pages.rendering.render import STATIC, Links, duration, page
from airflow_integrations.airflow.web.pages.rendering.sparkline import slices, sparkline
from airflow_integrations.airflow.web.pages.rendering.status_texts import CAUSES, MEANINGS, TONES
from airflow_integrations.ledger.queries.views import EntityRecord, StepRecord
from airflow_integrations.ledger.status import Status

PACKAGE = Path(render.__file__).parents[4]


def request(root: str = "/integrations") -> Request:
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{root}/x",
        "root_path": root,
        "headers": [],
        "query_string": b"",
    }
    return Request(scope)


def test_a_key_is_one_segment_of_an_address_whatever_it_holds() -> None:
    links = Links(request())
    assert links.entity("orders", "a/b?c=1#d ü") == "/integrations/routes/orders/entities/a%2Fb%3Fc%3D1%23d%20%C3%BC"
    assert links.entity("orders", "..") == "/integrations/routes/orders/entity?key=.."
    assert links.to("errors", route="", which=None) == "/integrations/errors"


def test_links_to_airflow_keep_the_path_that_it_is_served_from() -> None:
    links = Links(request("/airflow/integrations"))
    assert links.dag_run("orders", "manual__1+00:00") == "/airflow/dags/orders/runs/manual__1%2B00%3A00"
    assert links.to("queue") == "/airflow/integrations/queue"


def test_everything_in_a_template_is_escaped() -> None:
    answer = page(request(), "problem.html", title="<b>", text="<script>alert(1)</script>", remedy='"><img>')
    body = bytes(answer.body).decode()
    assert "<script>alert" not in body
    assert "<img>" not in body


def test_no_template_turns_escaping_off_or_has_script_or_style_in_place() -> None:
    for template in (Path(render.__file__).parents[1] / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape|<style|\bstyle=|\bon\w+=|javascript:|hx-on", text), template.name
        assert not re.search(r"<script(?! src=)", text), template.name
        assert not re.search(r"https?://", text), template.name


def test_what_changes_something_is_a_form_that_posts_also_without_the_script() -> None:
    found = 0
    for template in (Path(render.__file__).parents[1] / "templates").rglob("*.html"):
        for form in re.findall(r"<form\b[^>]*>", template.read_text()):
            posts, reads = 'method="post" action="' in form, re.search(r'method="(get|dialog)"|role="search"', form)
            assert posts or reads, (template.name, form)
            assert posts == ("hx-post" in form), (template.name, form)
            found += posts
        assert not re.search(r"<(?!form)\w+\b[^>]*\bhx-(post|put|delete|vals)", template.read_text()), template.name
    assert found == 1  # the one that every action is made of


def test_nothing_in_our_scripts_and_styles_is_of_another_host() -> None:
    for name in ("console.js", "theme.js", "console.css"):
        text = (STATIC / name).read_text()
        assert "http://" not in text, name
        assert "https://" not in text, name
        assert "innerHTML" not in text, name


def test_what_is_vendored_has_its_licence_beside_it() -> None:
    vendored = {path.name.partition("-")[0] for path in (STATIC / "vendor").iterdir() if path.suffix != ".LICENSE"}
    assert vendored == {path.stem for path in (STATIC / "vendor").glob("*.LICENSE")} == {"htmx", "uplot"}


def test_every_status_and_every_error_class_of_the_package_is_explained() -> None:
    assert set(MEANINGS) == set(TONES) == set(get_args(Status))
    told = set()
    for path in (*(PACKAGE / "outgoing").rglob("*.py"), *(PACKAGE / "engine").rglob("*.py")):
        told |= set(re.findall(r'\bcause=\s*"(\w+)"|error_class="(\w+)"', path.read_text()))
    classes = {name for pair in told for name in pair if name}
    assert "refused" in classes
    assert classes <= set(CAUSES)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.25, "250 ms"),
        (3.14, "3.1 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (7_500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_bar_shows_what_is_rare_too_and_fills_its_width() -> None:
    drawn = slices({"delivered": 100_000, "failed": 1, "filtered": 0})
    assert [each.title for each in drawn] == ["100,000 delivered", "1 failed"]
    assert drawn[1].width >= 1.9
    assert sum(each.width for each in drawn) == pytest.approx(100, abs=0.1)


def test_a_sparkline_goes_from_the_ground_to_its_highest_value() -> None:
    assert sparkline([0, 5, 10]) == "M0.0 23.0L50.0 12.0L100.0 1.0"
    assert sparkline([1]) == ""
    assert sparkline([0, 0]) == "M0.0 23.0L100.0 23.0"


@pytest.mark.parametrize("may_retry", [True, False])
def test_the_steps_of_an_entity_are_listed_and_may_be_sent_once_more(may_retry: bool) -> None:
    told: dict[str, Any] = {"at": 1.0, "status": 201, "request": "erp: POST /a", "answer": "<b>", "result": "42"}
    steps = [StepRecord(step=step, **told) for step in ("party", "lines[0]", "lines[1]")]
    hidden = StepRecord(step="sale", at=1.0, status=201, request=None, answer=None, result=None)
    record = EntityRecord(
        route="orders", key="1", status="failed", decided="failed", changed=1.0, steps=(*steps, hidden)
    )
    can = ("retry",) if may_retry else ()
    given: dict[str, Any] = {
        "runs": {},
        "can": can,
        "filtered": None,
        "exchange": None,
        "asked": None,
        "answered": None,
    }
    answer = page(request(), "entity.html", record=record, may_act=True, payload=shown(None, stopped_at=None), **given)
    body = bytes(answer.body).decode()
    assert "lines[1]" in body
    assert '<td class="mono wrap">HTTP 201 &lt;b&gt;' in body
    assert body.count("Retry from here") == (3 if may_retry else 0)
    assert ('name="from_step" value="lines"' in body) == may_retry
