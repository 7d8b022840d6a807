"""Every YAML example in README and docs/ is a valid route, or a valid part of one."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doc_pages import PAGES, TOP

from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import read_route, read_routes
from airflow_integrations.route_files.parser import parse

"""The reference has a test of its own: tests/schema/test_schema_reference.py."""

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>fragment: .*?) -->\n)?(?P<indent> *)```(?:yaml|yml)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
"""An example, and what it is a part of: in a comment above it, where readers copy the whole, or in its first line."""
FRAGMENT = re.compile(r"# fragment: (\w+)(?: of (\w+))?\n")
SHARED = re.compile(r"# file: (\S+)\n")
NAMED_FILE = re.compile(r"(?<![\w./-])[\w-]+(?:/[\w-]+)*\.(?:csv|json|graphql)\b")
PARAM = re.compile(r"\bparams\.(\w+)")

REST = {
    "entity": "entity: {name: NAME, key: NAME.id}\n",
    "incoming": "incoming: {http: {connection: shop, path: /all}}\n",
    "outgoing": "outgoing: {none: {}}\n",
}


@dataclass(frozen=True)
class Example:
    page: Path
    line: int
    text: str
    shared: dict[str, str]
    """The files that the page has shown before."""


def examples() -> Iterator[Example]:
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        shared: dict[str, str] = {}
        for found in FENCE.finditer(content):
            text = (f"# {found['mark']}\n" if found["mark"] else "") + textwrap.dedent(found["text"])
            if file := SHARED.match(text):
                shared[file[1]] = text
            yield Example(page, content.count("\n", 0, found.start()) + 1, text, dict(shared))


EXAMPLES = list(examples())


def prepared(folder: Path, example: Example) -> Path:
    """A routes folder with the files that the example and its page name; what is in them is not read here."""
    root = folder / "routes"
    for name in NAMED_FILE.findall(example.text + "".join(example.shared.values())):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
        (root / "_shared" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "_shared" / name).touch()
    for name, text in example.shared.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    root.mkdir(exist_ok=True)
    return root


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.page.name}:{example.line}")
def test_an_example_is_true(tmp_path: Path, example: Example) -> None:
    _, mistakes = parse(example.text.encode(), example.page.name)
    assert mistakes == []
    root = prepared(tmp_path, example)
    if SHARED.match(example.text):
        return  # checked with the examples that use it
    if fragment := FRAGMENT.match(example.text):
        field, name = fragment[1], fragment[2] or "order"
        if field == "tests":
            return  # checked with the page on tests
        if field == "defaults":
            (root / "_defaults.yaml").write_text(example.text)
            (root / "example.yaml").write_text(
                "".join(REST.values()).replace("NAME", name) + "schedule: {cron: '@daily'}\n"
            )
        else:
            assert field in Route.model_fields, f"no field {field} in a route"
            part = f"{field}:\n{textwrap.indent(example.text, '  ')}"
            rest = "".join(text for key, text in REST.items() if key != field).replace("NAME", name)
            if declared := sorted(set(PARAM.findall(example.text))):
                rest += f"params: {{{', '.join(f'{param}: null' for param in declared)}}}\n"
            (root / "example.yaml").write_text(part + rest)
            if field == "outgoing" and read_routes(root).mistakes:  # an example of sending many at once
                (root / "example.yaml").write_text(part + rest + "delivery: {batch: 10}\n")
    else:
        first = example.text.split("\n", 1)[0]
        assert re.match(r"# yaml-language-server|route:|entity:", first), (
            "begin the example with '# yaml-language-server: …', 'route:', '# fragment: transform' (or another field "
            "of a route, of an entity: '# fragment: transform of customer'), or '# file: _shared/name.yaml'"
        )
        (root / "example.yaml").write_text(example.text)
    found = read_routes(root)
    assert list(map(str, found.mistakes)) == []
    assert len(found.routes) == 1


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 30


def test_the_mistakes_that_the_page_shows_are_those_that_are_told(tmp_path: Path) -> None:
    page = (TOP / "docs" / "routes" / "route-files.md").read_text()
    reference = next(example for example in EXAMPLES if example.page.name == "route-files.md")
    root = prepared(tmp_path, reference)
    broken = reference.text.replace("style: cursor", "style: cusor").replace("Currency: {const: EUR}", "Currency: EUR")
    stock = "entity: {key: entity.sku}\nincoming: {http: {connection: shop, path: /}}\noutgoing: {none: {}}\n"
    stock += "description: stock\n\nschedule:\n  timzone: Europe/Madrid\n  every: 5m\n"
    (root / "orders.yaml").write_text(broken)
    (root / "stock.yaml").write_text(stock)
    told = [str(mistake) for mistake in read_routes(root).mistakes]
    assert len(told) == 3
    for text in told:
        assert text in page


def test_the_reference_route_reads_one_by_one(tmp_path: Path) -> None:
    reference = next(example for example in EXAMPLES if example.page.name == "route-files.md")
    root = prepared(tmp_path, reference)
    (root / "a.yaml").write_text(reference.text)
    assert read_route(root, "shop_orders_to_erp").route.delivery.batch == 100
