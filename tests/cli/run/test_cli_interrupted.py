"""Ctrl-C, whatever a command is waiting for."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MAIN = "import sys; from airflow_integrations.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C is, also where the tests run in the background of a shell, which makes its programs deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A system that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def interrupted(*argv: str, when: Callable[[], object]) -> tuple[int, str]:
    running = subprocess.Popen(
        [sys.executable, "-c", MAIN, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    when()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    return running.returncode, said


@pytest.mark.parametrize("argv", [("preview", "orders"), ("run", "orders"), ("doctor",)], ids=" ".join)
def test_while_a_system_does_not_answer(
    routes: Path, silent: socket.socket, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    host = f"http://127.0.0.1:{silent.getsockname()[1]}"
    for name in ("SOURCE", "TARGET"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": "http", "host": host}))
    held: list[object] = []
    code, said = interrupted(*argv, when=lambda: held.append(silent.accept()))
    assert code == 130
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if "interrupted" in line]) <= 1


@pytest.mark.parametrize("where", ["airflow_integrations.cli.fill", "airflow_integrations.cli.validate.run"])
def test_before_a_command_has_begun_and_while_it_works(
    call, routes: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(where, interrupt)
    assert call("validate") == (130, "", "interrupted\n")
