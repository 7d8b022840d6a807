"""The examples of docs/routes/testing-routes.md hold for the route that ``new`` writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_integrations.cli.new.scaffold import route_text
from airflow_integrations.testing import run_route_tests

PAGE = Path(__file__).parents[2] / "docs" / "routes" / "testing-routes.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example-{number}" for number in range(len(EXAMPLES))])
def test_examples_pass(example, tmp_path: Path):
    assert example.startswith("# fragment: tests\n")
    (tmp_path / "orders.yaml").write_text(route_text("orders", "order", "http"))
    (tmp_path / "orders.test.yaml").write_text(example)
    report = run_route_tests(tmp_path)
    assert report.ok, report
    assert report.outcomes


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 2
