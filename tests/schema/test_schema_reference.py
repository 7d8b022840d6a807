"""docs/reference says what the models say: every option with its documentation and an example that the loader takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.route_files.load import read_routes
from airflow_integrations.schema.reference.__main__ import main
from airflow_integrations.schema.reference.blocks import Block, all_blocks
from airflow_integrations.schema.reference.example import Beside, example_route, value_of
from airflow_integrations.schema.reference.options import block_doc, options
from airflow_integrations.schema.reference.pages import reference_pages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
BLOCKS = [
    block for block in all_blocks() if "body_format" not in block.steps or block.place.startswith("outgoing.redis.")
]
"""The formats of bodies are the same ones wherever a route may write them: they are looked at once."""
NAMED_FILE = re.compile(r"[\w-]+(?:/[\w-]+)*\.(?:csv|json|graphql|sql|xsd)\b")
XSD = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="order"/></xs:schema>'
DELIVERIES: tuple[dict[str, Any], ...] = ({}, {"batch": 100}, {"in_doubt": "verify"})
"""What options of outgoing may need: to read the results of a batch, or to ask for an entity in doubt."""
BESIDE: tuple[Beside, ...] = ("needed", "whole", "own")


def name(block: Block) -> str:
    return "-".join((block.place or "route", *(str(block.variant[1]) if block.variant else "",))).rstrip("-")


def of_its_format(route: dict[str, Any]) -> dict[str, Any]:
    """The route whose files are in the format that its options are about: the example of ``path`` names CSV files."""
    files = route.get("incoming", {}).get("files", {})
    about = [option for option in ("excel", "parquet", "fixed_width", "edifact", "x12", "xml") if option in files]
    if about and "format" not in files:
        return {**route, "incoming": {"files": {**files, "format": about[0]}}}
    return route


def mistakes(folder: Path, route: dict[str, Any]) -> list[str]:
    """What the loader says against a route file."""
    text = json.dumps(of_its_format(route), default=str)
    for file in NAMED_FILE.findall(text):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(XSD if file.endswith(".xsd") else "")
    (folder / "route.yaml").write_text(text)
    return [str(mistake) for mistake in read_routes(folder).mistakes]


def refused(folder: Path, block: Block, written: Any) -> list[str]:
    told: list[str] = []
    for beside in BESIDE:
        route = example_route(block, written, beside=beside)
        for delivery in DELIVERIES:
            if not (found := mistakes(folder, {**route, "delivery": {**delivery, **route.get("delivery", {})}})):
                return []
            told = told or found
    return told


@pytest.mark.parametrize("block", BLOCKS, ids=name)
def test_every_option_is_documented_with_an_example(block: Block) -> None:
    style = block.variant[0] if block.variant else None
    for option in options(block.model):
        place = f"{option.owner.__module__}.{option.owner.__qualname__}.{option.name}"
        if option.name == style:
            continue
        assert option.doc.text, f"{place} has no documentation: write a docstring below it"
        assert option.doc.example, (
            f"{place} has no example: end its docstring with a line 'Example: ``{option.name}: …``'"
        )
        if option.doc.since is not None:
            assert re.fullmatch(r"\d+\.\d+(\.\d+)?", option.doc.since), f"{place}: Since: is a version, such as 0.2"
    if "root" in block.model.model_fields:
        assert block_doc(block.model).example, f"{block.model.__qualname__} has no example in its docstring"


@pytest.mark.parametrize("block", BLOCKS, ids=name)
def test_every_example_is_taken_by_the_loader(block: Block, tmp_path: Path) -> None:
    style = block.variant[0] if block.variant else None
    wrong = {}
    if block_doc(block.model).example is not None:
        wrong["(the block)"] = refused(tmp_path, block, value_of(block_doc(block.model)))
    for option in options(block.model):
        if option.name == style:
            continue
        value = value_of(option.doc)
        assert isinstance(value, dict), f"the example of {option.name} does not begin with {option.name}:"
        assert option.name in value, f"the example of {option.name} does not begin with {option.name}:"
        wrong[option.name] = refused(tmp_path, block, value)
    assert {place: told for place, told in wrong.items() if told} == {}


def test_the_pages_are_those_of_the_models() -> None:
    published = {path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.md")}
    assert published == reference_pages(), "run: make reference"


def test_every_kind_of_this_package_is_told() -> None:
    pages = reference_pages()
    assert {"incoming/http.md", "outgoing/http.md", "queues.md", "transformers.md", "lookups.md"} <= pages.keys()
    for kind in ("rabbitmq", "redis", "nats", "mqtt", "kafka", "sqs"):
        assert f"## `{kind}`" in pages["queues.md"]
    assert "### `url_encode`" not in pages["expressions.md"]
    assert "in_eu" in pages["expressions.md"]


def test_a_page_that_is_no_longer_made_is_removed(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("old")
    main(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")} == reference_pages().keys()
