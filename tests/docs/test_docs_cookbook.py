"""Every recipe of the cookbook does what its test says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from airflow_integrations.testing import run_route_tests

PAGE = Path(__file__).parents[2] / "docs" / "start" / "cookbook.md"
COOKBOOK = Path(__file__).with_name("cookbook")
TESTS = {path.name.removesuffix(".test.yaml"): path for path in COOKBOOK.glob("*/*.test.yaml")}
RECIPES = {
    name: text
    for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for name in re.findall(r"\Aroute: (\w+)\n", text)
}
OTHERS = {
    name: f"entity: {{key: entity.id}}\nincoming: {{none: {{}}}}\noutgoing: {{http: {{connection: {name}, path: /}}}}\n"
    for name in ("customers_to_erp", "products")
}
"""Routes that recipes name."""


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_does_what_its_test_says(name: str, tmp_path: Path) -> None:
    shutil.copytree(COOKBOOK / "lookups", tmp_path / "lookups")
    (tmp_path / f"{name}.yaml").write_text(RECIPES[name], encoding="utf-8")
    shutil.copy(TESTS[name], tmp_path)
    for other, text in OTHERS.items():
        (tmp_path / f"{other}.yaml").write_text(text, encoding="utf-8")
    report = run_route_tests(tmp_path)
    assert report.ok, report
    assert report.outcomes


def test_there_are_25_recipes_and_no_test_of_anything_else() -> None:
    assert len(RECIPES) >= 25
    assert TESTS.keys() == RECIPES.keys()
    questions = re.findall(r"^### ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(questions) == len(RECIPES)
