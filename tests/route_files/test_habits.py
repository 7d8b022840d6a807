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

_READ, _MISTAKES = parse((Path(__file__).parent / "habits.yaml").read_bytes(), "habits.yaml")
assert _READ is not None
assert not _MISTAKES
ROWS = [(place, *row) for place, rows in _READ.plain().items() for row in rows if row[1]]

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


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 150


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
