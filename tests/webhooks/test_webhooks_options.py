"""What a route may say about its webhook, what is told about mistakes, and which files count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from webhook_server import write_route

from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import check_all
from airflow_integrations.webhooks.endpoints import EndpointTable
from airflow_integrations.webhooks.request import Request, wanted_wait


def told(folder: Path, trigger: str) -> str:
    write_route(folder, "orders", trigger)
    return "\n".join(map(str, check_all(folder)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "verify"),
        ("verify: nothing", "none"),
        ("verify: {}", "one of none, hmac, standard, header, basic"),
        ("verify: {github: a, slack: b}", "github and slack exclude each other"),
        ("verify: {hmac: {header: X, secret: s, signed: '{time}'}}", "not {time}"),
        ("verify: {hmac: {header: X, secret: s, signed: constant}}", "has to hold {body}"),
        ("verify: {hmac: {header: X, secret: s, signed: '{timestamp}{body}'}}", "go together"),
        ("verify: {hmac: {header: X, secret: s, timestamp: {header: T}}}", "go together"),
        ("verify: {hmac: {header: X, secret: s, signed: '{timestamp}{body}', timestamp: {}}}", "needs its header"),
        ("verify: {hmac: {header: 'X Y', secret: s}}", "header"),
        ("verify: {basic: []}", "trigger.webhook.verify.basic"),
        ("verify: none, max_size: 11MB", "at most 10MB"),
        ("verify: none, max_size: big", "not a size"),
        ("verify: none, challenge: zoom", "answered with verify's secret"),
        ("verify: {basic: a}, challenge: zoom", "answered with verify's secret"),
        ("verify: none, records: order.lines", "order"),
        ("verify: none, event_id: headers.x +", "event_id"),
        ("verify: none, secret: a", "secret"),
        ("verify: none, format: excel", "excel is a format of files"),
        ("verify: none, format: parquet", "listen: {files"),
        ("verify: none, format: fixed_width", "needs fixed_width, which names the columns"),
        ("verify: none, edifact: {groups: [{name: segments, start: LIN}]}", "segments"),
        ("verify: none, csv: {encoding: zip}", "unknown encoding 'zip'"),
    ],
)
def test_mistakes(tmp_path: Path, options: str, expected: str) -> None:
    text = told(tmp_path / "routes", f"webhook: {{path: shop/orders, {options}}}")
    assert "webhook" in text
    assert expected in text, text
    assert len(text.splitlines()) == 1, text


@pytest.mark.parametrize("path", ["/a", "a/", "a//b", "../a", "a b", "a?b", "", "é", "a/../b"])
def test_paths_that_are_none(tmp_path: Path, path: str) -> None:
    assert "path" in told(tmp_path / "routes", f"webhook: {{path: '{path}', verify: none}}")


def test_routes_of_one_path_have_to_agree(tmp_path: Path) -> None:
    folder = tmp_path / "routes"
    write_route(folder, "a", "webhook: {path: x, verify: none, records: body.a}")
    write_route(folder, "b", "webhook: {path: x, verify: none, records: body.b}")
    assert check_all(folder) == []
    write_route(folder, "b", "webhook: {path: x, verify: {basic: c}, max_size: 2MB}")
    mistakes = check_all(folder)
    assert {mistake.path for mistake in mistakes} == {"trigger.webhook.max_size", "trigger.webhook.verify"}
    assert all("the route a has the same path" in mistake.message for mistake in mistakes)
    assert all(mistake.file.endswith("b.yaml") for mistake in mistakes)


def test_a_route_is_written_again_as_it_was_read() -> None:
    webhook: dict[str, Any] = {
        "path": "shop/orders",
        "verify": {"stripe": ["a", "b"]},
        "event_id": "body.id",
        "max_size": "2MB",
        "challenge": {"param": "x"},
    }
    definition = {
        "route": "a",
        "entity": {"key": "entity.id"},
        "outgoing": {"none": {}},
        "trigger": {"webhook": webhook},
    }
    route = Route.load(definition)
    assert route.model_dump(mode="json", exclude_unset=True)["trigger"]["webhook"] == webhook
    assert Route.load(route.model_dump(mode="json")) == route


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_book_reads_files_again_when_they_change_and_only_then(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "routes"
    book = EndpointTable(folder, clock=clock)
    assert book.current().routes == {}  # a folder that is not there yet
    write_route(folder, "a", "webhook: {path: a, verify: none}")
    assert book.current().find("a") is None
    clock.now += 10
    first = book.current()
    assert first.find("a") is not None
    clock.now += 10
    assert book.current() is first
    (folder / "_defaults.yaml").write_text("owner: shop")
    clock.now += 10
    assert book.current().routes["a"].owner == "shop"
    (folder / "a.yaml").write_text("entity: [")
    clock.now += 10
    assert book.current().find("a") is not None  # the last that was right
    (folder / "a.yaml").unlink()
    clock.now += 10
    assert book.current().find("a") is None


@pytest.mark.parametrize(
    ("query", "prefer", "seconds"),
    [
        ("20", "", 20.0),
        ("0.5", "", 0.5),
        ("99999", "", 60.0),
        ("-1", "", 0.0),
        ("nan", "", 0.0),
        ("", "", 0.0),
        (None, "wait=20", 20.0),
        (None, 'respond-async, wait="7"', 7.0),
        (None, "Wait = 3; foo", 3.0),
        (None, "await=3", 0.0),
        (None, "wait=x", 0.0),
        ("5", "wait=20", 5.0),
    ],
)
def test_how_long_a_sender_waits(query: str | None, prefer: str, seconds: float) -> None:
    asked = {} if query is None else {"wait": query}
    assert wanted_wait(Request("POST", "a", {"prefer": prefer}, asked)) == seconds
