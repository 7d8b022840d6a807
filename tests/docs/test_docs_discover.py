"""Commands of docs/routes/discover.md print what the page shows, and the route is the one that it shows."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest

from airflow_integrations.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "routes" / "discover.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^\$ airflow-integrations (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def block(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_command_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "warehouse.db"
    database = sqlite3.connect(file)
    database.executescript(block("sql")[0])
    database.close()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AIRFLOW__INTEGRATIONS__ROUTES", raising=False)
    monkeypatch.chdir(tmp_path)
    for command, shown in COMMAND.findall("".join(block("console"))):
        assert main(command.split()) == 0
        said = capsys.readouterr().out
        assert [line.rstrip() for line in said.splitlines()] == [line.rstrip() for line in shown.splitlines()]
    route = (tmp_path / "routes" / "orders_to_erp.yaml").read_text()
    written = route.partition("transform:\n")[2].partition("\noutgoing:")[0]
    steps = block("yaml")[0].removeprefix("# fragment: transform\n")
    assert [line.strip() for line in steps.splitlines()] == [line.strip() for line in written.strip("\n").splitlines()]
    for command in ("validate", "test orders_to_erp"):
        assert main(command.split()) == 0
