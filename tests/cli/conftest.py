"""Commands run in this process, in a folder of their own, with Connections from the environment and no database."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_servers import PASSWORD, Systems

from airflow_integrations.cli import main

_home = tempfile.TemporaryDirectory(prefix="airflow-home-")

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_HOME", _home.name)
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING", str(tmp_path / "staging"))
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "test_ledger")
    monkeypatch.setenv(
        "AIRFLOW_CONN_TEST_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "ledger.db")})
    )
    monkeypatch.delenv("AIRFLOW__INTEGRATIONS__ROUTES", raising=False)
    monkeypatch.delenv("AIRFLOW__CORE__UNIT_TEST_MODE", raising=False)  # where it is set only Airflow knows the setup
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")  # these tests have no metadata database to look into


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command: exit code, standard output, standard error."""

    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main(argv)
        except SystemExit as ended:  # argparse
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Iterator[Systems]:
    """A shop and a warehouse, with Connections ``source`` and ``target`` to them."""
    with Systems() as running:
        connection = {
            "conn_type": "http",
            "host": f"http://127.0.0.1:{running.port}",
            "login": "me",
            "password": PASSWORD,
        }
        monkeypatch.setenv("AIRFLOW_CONN_SOURCE", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW_CONN_TARGET", json.dumps(connection))
        running.orders = [order(1), order(2, status="closed"), order(3), order(4), order(5)]
        yield running


def order(number: int, **changes: Any) -> dict[str, Any]:
    lines = [{"quantity": 2, "price": "9.95"}, {"quantity": 1, "price": "0.10"}]
    return {"id": number, "status": "open", "customer": {"name": f"C{number}"}, "lines": lines, **changes}


@pytest.fixture
def routes(tmp_path: Path, call: Call) -> Path:
    """A routes folder with the scaffold ``orders``."""
    assert call("new", "orders")[0] == 0
    return tmp_path / "routes"


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    """Replaces a text in a file that must be there."""

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return replace
