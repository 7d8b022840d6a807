"""The published JSON Schema says what the models say, and accepts what they accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from route_definitions import GOOD

from airflow_integrations.route.definition import Route
from airflow_integrations.route.registry import kinds
from airflow_integrations.route_files.discovery import route_paths
from airflow_integrations.route_files.parser import parse
from airflow_integrations.schema import SCHEMA_FILE
from airflow_integrations.schema.generate import schema_text

EXAMPLES = Path(__file__).parents[2] / "dags" / "routes"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def plain(text: str) -> Any:
    node, mistakes = parse(text.encode(), "f.yaml")
    assert mistakes == []
    assert node is not None
    return json.loads(json.dumps(node.plain(), default=float))


def test_the_published_schema_is_that_of_the_models() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m airflow_integrations.schema"


def test_the_good_route_is_valid(validator: Draft202012Validator) -> None:
    assert list(validator.iter_errors(plain(GOOD))) == []


@pytest.mark.parametrize("path", list(route_paths(EXAMPLES)) if EXAMPLES.is_dir() else [], ids=lambda path: path.name)
def test_every_example_is_valid_and_names_the_schema(validator: Draft202012Validator, path: Path) -> None:
    text = path.read_text()
    assert list(validator.iter_errors(plain(text))) == []
    if path.suffix != ".json":
        first, _, schema = text.split("\n")[0].partition("$schema=")
        assert first == "# yaml-language-server: "
        assert (path.parent / schema).resolve() == SCHEMA_FILE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("records: body.orders", "recrods: body.orders"),
        ("priority: critical", "priority: urgent"),
        ("- filter:", "- filtr:"),
        ("batch: 100", "batch: 0"),
        ("key: order.number", "kee: order.number"),
        ("style: cursor", "style: cusor"),
        ("start: 2026-01-01", "start: today"),
        ("outgoing:", "outgone:"),
        ("tags: [orders]", "tags: orders"),
        ("transform:\n", "transform:\n  - {filter: order.x, set: {a: order.b}}\n"),
        ("transform:\n", "transform:\n  - {use: _a.yaml, set: {a: order.b}}\n"),
        ("incoming:\n", "incoming:\n  uses: _a.yaml\n"),
        ("delivery: {", "delivery: {use: _d.yaml, badge: 3, "),
    ],
)
def test_what_the_models_refuse_the_schema_refuses(validator: Draft202012Validator, old: str, new: str) -> None:
    assert old in GOOD
    assert list(validator.iter_errors(plain(GOOD.replace(old, new, 1)))) != []


@pytest.mark.parametrize(
    "text",
    [
        "incoming: {use: _shop.yaml}",
        "incoming: {use: _shop.yaml, http: {path: /orders}}",
        "schedule: {use: _times.yaml, timezone: Europe/Madrid}",
        "transform: [{use: _shared/clean.yaml}, {filter: order.x}, {validate: {file: a.json}}, {validate: a.json}]",
        "delivery: {fail_run: {above: 2%}}",
    ],
)
def test_references_and_short_forms_are_valid(validator: Draft202012Validator, text: str) -> None:
    assert list(validator.iter_errors({**plain(GOOD), **plain(text)})) == []


def test_every_key_and_kind_has_a_description() -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    properties = schema["properties"]
    assert set(properties) == set(Route.model_fields)
    for name, inner in properties.items():
        assert inner.get("description"), name
    offered = properties["transform"]["items"]["else"]["properties"]
    assert set(offered) == set(kinds("transform"))
    assert set(properties["incoming"]["else"]["properties"]) == set(kinds("incoming"))


def test_nothing_of_the_libraries_shows() -> None:
    assert "pydantic" not in SCHEMA_FILE.read_text().lower()
