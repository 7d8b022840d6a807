from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from transform_chain import parse

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.errors import SetupError
from airflow_integrations.transform.schema import ASSERTED_FORMATS
from airflow_integrations.transform.validate import Validate

SCHEMA = {
    "type": "object",
    "required": ["no", "total"],
    "additionalProperties": False,
    "properties": {
        "no": {"type": "integer", "maximum": 10**30},
        "total": {"type": "number", "multipleOf": 0.01},
        "lines": {"type": "array", "items": {"required": ["sku"], "properties": {"qty": {"type": "integer"}}}},
        "on": {"type": "string", "format": "date"},
    },
}


@pytest.fixture
def schema_file(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(SCHEMA))
    return path


@pytest.mark.parametrize(
    "value",
    [
        {"no": 10**30, "total": Decimal("19.99")},
        {"no": 1, "total": 12345678901234567890123456789, "on": "2026-02-28"},
        {"no": 1, "total": Decimal("0.10")},
    ],
)
async def test_valid_entities_go_on_unchanged(chain: Any, schema_file: Path, value: Any) -> None:
    assert await chain({"validate": "order.json"}).values(value) == [value]


@pytest.mark.parametrize(
    ("value", "reasons"),
    [
        ({}, ["no: is missing", "total: is missing"]),
        ({"no": 10**30 + 1, "total": 1}, ["no: the value is greater than the maximum"]),
        ({"no": 1, "total": Decimal("19.995")}, ["total: the value is not a multiple of 0.01"]),
        (
            {"no": 1, "total": 1, "lines": [{"sku": 1}, {"qty": "x"}]},
            ["lines.1.sku: is missing", 'lines.1.qty: the value is not of type "integer"'],
        ),
        ({"no": 1, "total": 1, "on": "2026-02-30"}, ['on: the value is not a "date"']),
        ({"no": 1, "total": 1, "x\x1b": 1}, ["x�"]),
        ({"no": 1, "total": Decimal("NaN")}, ["total: "]),
        ([], ['the value is not of type "object"']),
        ({"no": 1, "total": 1, "on": "\ud800"}, ["the text at on has half of a surrogate pair"]),
        ({"no": 1, "total": {1, 2}}, ["the entity cannot be written as JSON"]),
    ],
)
async def test_every_reason_is_told_with_its_place(
    chain: Any, schema_file: Path, value: Any, reasons: list[str]
) -> None:
    steps = chain({"validate": "order.json"})
    good = {"no": 1, "total": 1}
    assert await steps.values(value, good) == [good]
    told = steps.books.reasons["0"]
    assert told.startswith("transform.0.validate: ")
    assert [reason for reason in reasons if reason not in told] == []


async def test_reasons_are_bounded_and_hold_no_values(chain: Any) -> None:
    steps = chain({"validate": {"schema": {"items": {"enum": ["a"]}}}})
    assert await steps.values(["secret" * 100] * 1000) == []
    assert "secret" not in steps.books.reasons["0"]
    assert steps.books.reasons["0"].endswith("; and more")
    assert steps.books.reasons["0"].count(";") == 20
    assert steps.books.fields["0"] == "0"


@pytest.mark.parametrize("name", sorted(ASSERTED_FORMATS))
async def test_formats_are_asserted(chain: Any, name: str) -> None:
    steps = chain({"validate": {"schema": {"format": name}}})
    assert await steps.values("::: x{ \\ (") == []


async def test_references_reach_files_of_the_routes_folder(chain: Any, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "money.json").write_text('{"$defs": {"amount": {"type": "number", "minimum": 0}}}')
    (tmp_path / "s.json").write_text('{"properties": {"total": {"$ref": "parts/money.json#/$defs/amount"}}}')
    steps = chain({"validate": "s.json"})
    assert await steps.values({"total": 1}, {"total": -1}) == [{"total": 1}]
    assert "total: the value is less than the minimum" in steps.books.reasons["1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"$ref": "http://127.0.0.1:9/x.json"}', "never from the network"),
        ('{"$ref": "file:///etc/passwd"}', "leaves the routes folder"),
        ('{"$ref": "../other.json"}', "leaves the routes folder"),
        ('{"$ref": "nothing.json"}', "nothing.json cannot be read"),
        ('{"$ref": "#/$defs/x"}', "/$defs/x"),
        ('{"type": "strin"}', "type: unknown type 'strin', did you mean 'string'?"),
        ('{"properties": {"a": {"minLength": "x"}}}', "properties.a.minLength: 'x' is not of type"),
        ('{"format": "datetime"}', "unknown format 'datetime', did you mean"),
        ('{"pattern": "("}', "pattern"),
        ('{"type": "string", "type": "number"}', "'type' twice"),
        ("[1]", "must be an object"),
        ("{", "is not JSON: line 1"),
        ('{"$schema": "http://example.org/mine"}', "unknown draft"),
    ],
)
def test_bad_schemas_are_found_before_the_run(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "routes" / "bad.json").write_text(text)
    folder = Folder(tmp_path / "routes", tmp_path / "routes")
    stage = parse({"validate": "bad.json"}, folder)
    found = list(Validate.check_files(stage.config))
    assert found
    assert all(place == ("file",) and told.startswith("bad.json ") for place, told in found)
    assert any(message in told for _, told in found), found


async def test_a_run_with_a_broken_schema_stops_before_it_starts(chain: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"type": "strin"}')
    with pytest.raises(SetupError, match=r"transform\.0\.validate: bad\.json is not usable"):
        await chain({"validate": "bad.json"}).values({})


def test_a_schema_in_place_is_checked_in_place() -> None:
    stage = parse({"validate": {"schema": {"properties": {"a": {"type": "txt"}}}}})
    ((place, message),) = Validate.check_files(stage.config)
    assert place == ("schema", "properties", "a", "type")
    assert "txt" in message
    assert list(Validate.check_files(parse({"validate": {"schema": {"format": "int64"}}}).config)) == []


@pytest.mark.parametrize(
    ("step", "place", "message"),
    [
        ({"validate": "none.json"}, ("validate",), "no file 'none.json'"),
        ({"validate": "../x.json"}, ("validate",), "leaves the routes folder"),
        ({"validate": {"file": "none.json"}}, ("validate", "file"), "no file"),
        ({"validate": {}}, ("validate",), "exactly one"),
        ({"validate": {"fil": 1}}, ("validate", "fil"), "Extra"),
        ({"validate": 5}, ("validate",), "the name of a file"),
    ],
)
def test_mistakes_have_the_place_where_they_were_written(tmp_path: Path, step: Any, place: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(step, Folder(tmp_path, tmp_path))
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert message in error["msg"]


def test_both_forms_are_serialised_as_written(tmp_path: Path, schema_file: Path) -> None:
    from pydantic import TypeAdapter

    from airflow_integrations.route.stage import TransformStage

    for step in ({"validate": "order.json"}, {"validate": {"schema": {"type": "object"}}}):
        assert TypeAdapter(TransformStage).dump_python(parse(step, Folder(tmp_path, tmp_path)), mode="json") == step
