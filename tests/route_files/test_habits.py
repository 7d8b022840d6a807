"""What people write who come from other languages and tools is refused with the remedy, and the remedy works."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from airflow_integrations.route.definition import Route
from airflow_integrations.route.incremental import Missing
from airflow_integrations.route_files.load import check_all
from airflow_integrations.route_files.messages import PATTERNS
from airflow_integrations.route_files.parser import parse
from airflow_integrations.schema.generate import route_schema


def _rows(name: str) -> list[tuple[str, str, str, str]]:
    read, mistakes = parse((Path(__file__).parent / name).read_bytes(), name)
    assert read is not None
    assert not mistakes
    return [(place, *row) for place, rows in read.plain().items() for row in rows if row[1]]


FIRST_HOUR = _rows("habits_of_the_first_hour.yaml")
ROWS = [
    *FIRST_HOUR,
    *_rows("habits.yaml"),
    *_rows("habits_of_languages.yaml"),
    *_rows("habits_of_tools.yaml"),
    *_rows("habits_of_strangers.yaml"),
    *_rows("habits_of_newer_parts.yaml"),
]

PLAIN = {
    "entity": "{name: order, key: order.number}",
    "incoming": "{http: {connection: shop, path: /orders}}",
    "transform": "[{filter: order.paid}]",
}
HTTP = {"records": "body.orders", "query": "{}", "path": "/orders", "headers": "{}", "pagination": "{style: none}"}


def route(place: str, text: str) -> str:
    """A whole route with the text in its place."""
    parts, http, top = dict(PLAIN), dict(HTTP), ""
    path = "/orders"
    if place == "top":
        top = text
    elif place == "filter":
        parts["transform"] = f"\n  - filter: {text}"
    elif place == "map":
        parts["transform"] = f"\n  - map:\n      Number: {text}"
    elif place in ("key", "version"):
        parts["entity"] = (
            "\n  name: order" + f"\n  {place}: {text}" + ("" if place == "key" else "\n  key: order.number")
        )
    elif place in http:
        http[place] = text
        parts["incoming"] = "\n  http:\n    connection: shop\n" + "".join(f"    {n}: {t}\n" for n, t in http.items())
    elif place == "outgoing_path":
        parts["transform"], path = "[{map: {Number: order.number}}]", text
    else:
        parts[place] = text
    sent = f"\n  http:\n    connection: erp\n    path: {path}"
    if "outgoing" in parts:
        sent = " " + parts.pop("outgoing")
    written = "\n".join(f"{name}: {value}" for name, value in parts.items())
    return f"params: {{least: 5}}\n{written}\noutgoing:{sent}\n{top}\n"


def mistakes(root: Path, text: str) -> list[str]:
    root.mkdir(exist_ok=True)
    (root / "orders.yaml").write_text(text, encoding="utf-8")
    return [str(mistake) for mistake in check_all(root)]


@pytest.mark.parametrize(
    ("place", "wrong", "remedy", "right"), ROWS, ids=[f"{place}: {wrong[:40]}" for place, wrong, *_ in ROWS]
)
def test_the_remedy_is_named_and_works(tmp_path: Path, place: str, wrong: str, remedy: str, right: str) -> None:
    told = mistakes(tmp_path / "routes", route(place, wrong))
    assert any(remedy in text for text in told), told or "it passes"
    assert len(told) <= 2
    assert mistakes(tmp_path / "routes", route(place, right)) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [row[:2] for row in FIRST_HOUR],
    ids=[f"{place}: {wrong[:40]}" for place, wrong, *_ in FIRST_HOUR],
)
def test_one_mistake_is_one_message(tmp_path: Path, place: str, wrong: str) -> None:
    assert len(mistakes(tmp_path / "routes", route(place, wrong))) == 1


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("$p.price", "write p.price"),
        ("$json.price", "write p.price"),
        ("UPPER(order.name)", "write p.name.upper()"),
        ("p.name.length", "write len(p.name)"),
        ("'{{ $json.price }}'", "write it without {{ }}: p.price"),
    ],
)
def test_a_remedy_calls_the_entity_as_the_route_does(tmp_path: Path, expression: str, remedy: str) -> None:
    text = route("map", expression).replace("name: order, key: order.number", "name: p, key: p.number")
    assert any(remedy in told for told in mistakes(tmp_path / "routes", text))


def test_a_remedy_leaves_another_thing_called_order_as_it_is(tmp_path: Path) -> None:
    steps = "[{lookup: {name: order, file: o.csv, where: {id: p.id}}}, {map: {X: UPPER(order.name)}}]"
    text = route("transform", steps).replace("name: order, key: order.number", "name: p, key: p.number")
    assert any("write order.name.upper()" in told for told in mistakes(tmp_path / "routes", text))


@pytest.mark.parametrize("field", ["order.parcel.length", "order.length", "order.dimensions.length"])
def test_a_field_may_be_called_length(tmp_path: Path, field: str) -> None:
    assert mistakes(tmp_path / "routes", route("map", field)) == []


def test_key_columns_are_fields_of_the_entity(tmp_path: Path) -> None:
    text = route("map", "order.number").replace(
        "http:\n    connection: erp\n    path: /orders", "sql: {connection: e, table: o, key: %s}"
    )
    (told,) = mistakes(tmp_path / "routes", text % "article")
    assert "has no field 'article' behind map. It has: Number" in told
    assert mistakes(tmp_path / "routes", text % "number") == []


@pytest.mark.parametrize(
    "condition", ["order.sign in ',;'", "order.name or 'none' == 'none'", "order.paid and order.total > 5"]
)
def test_a_condition_may_be_like_that(tmp_path: Path, condition: str) -> None:
    assert mistakes(tmp_path / "routes", route("filter", f'"{condition}"')) == []


@pytest.mark.parametrize(
    "steps",
    [
        "[{filter: order.order.paid}, {set: {order.total: 1}}, {drop: [order.note]}]",
        "[{map: {order: {total: order.t}}}, {set: {order.tax: 1}}]",
        "[{set: {order: {total: 1}}}, {filter: order.order.total}, {set: {order.tax: 1}}]",
    ],
)
def test_an_entity_may_have_a_field_of_its_own_name(tmp_path: Path, steps: str) -> None:
    assert mistakes(tmp_path / "routes", route("transform", steps)) == []


WEBHOOK = "{webhook: {path: shop/o, verify: {hmac: {header: X-Sig, secret: %s}}}}"


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "x7Gd92kQpL0zWm4T",
        "2f1c9e0a-5b3d-4c7e-9a1f-0d6b8e4c2a71",
        "'my secret!'",
        "c2VjcmV0LXZhbHVl=",
    ],
)
def test_a_secret_in_a_webhooks_route_is_refused_and_not_repeated(tmp_path: Path, secret: str) -> None:
    (told,) = mistakes(tmp_path / "routes", route("top", f"trigger: {WEBHOOK % secret}"))
    assert "trigger.webhook.verify.hmac.secret" in told
    assert "Connection" in told
    assert secret.strip("'") not in told


@pytest.mark.parametrize(
    "name",
    ["shop_webhook", "azure-eu-west-1-production2", "erp.sap_s4hana_2024_q1", "shop2erp_webhook_v3_b2b", "sk_demo"],
)
def test_a_connection_may_be_called_so(tmp_path: Path, name: str) -> None:
    assert mistakes(tmp_path / "routes", route("top", f"trigger: {WEBHOOK % name}")) == []


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 500


SECTIONS = [
    kind
    for field in Route.model_fields.values()
    for kind in (field.annotation, *get_args(field.annotation))
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Missing
]
OPTIONS = {each.alias or name for kind in SECTIONS for name, each in kind.model_fields.items()} - {*Route.model_fields}


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_an_option_beside_its_section_is_told_where_it_stands(tmp_path: Path, option: str) -> None:
    told = mistakes(tmp_path / "routes", route("top", f"{option}: 5"))
    assert any(f"unknown key '{option}'; " in text for text in told), told


def test_every_pattern_of_a_route_file_is_told_in_words() -> None:
    worded = {
        "^\\d{4}-\\d{2}-\\d{2}",
        "^ *(\\d+d)? *(\\d+h)? *(\\d+m)? *(\\d+(\\.\\d+)?s)? *$",
        "^\\d{1,12} *([KkMmGg]?[Bb])?$",
    }
    patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(route_schema()))
    assert {json.loads(each) for each in patterns} - worded <= {
        *PATTERNS
    }  # dates, durations and sizes have messages of their own
