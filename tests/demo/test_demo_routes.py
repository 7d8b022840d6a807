"""The example routes: as written they are without a mistake, and their own tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_integrations.cli import main
from airflow_integrations.demo.shop_data import EU

ROOT = Path(__file__).parents[2]
ROUTES = ROOT / "dags" / "routes"


@pytest.mark.parametrize("command", ["validate", "test"])
def test_the_examples_pass(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(ROOT)
    assert main([command]) == 0, capsys.readouterr()


def test_each_example_begins_with_the_editor_s_line_and_has_a_test():
    routes = [path for path in ROUTES.glob("*.yaml") if path.name[0] != "_" and not path.name.endswith(".test.yaml")]
    assert routes
    for path in routes:
        first, *_ = path.read_text().splitlines()
        assert first.startswith("# yaml-language-server: $schema=")
        assert (path.parent / first.partition("=")[2]).resolve().is_file()
        assert path.with_suffix(".test.yaml").is_file()


def test_every_member_of_the_eu_has_a_tax_code():
    _, *rows = (ROUTES / "lookups" / "tax_codes.csv").read_text().split()
    assert {row.split(",")[0] for row in rows} == EU
