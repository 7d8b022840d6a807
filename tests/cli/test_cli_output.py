"""Where the output goes: a pipe that is closed early, a disk that is full, a narrow file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MAIN = "import sys; from airflow_integrations.cli import main; sys.exit(main(sys.argv[1:]))"


def started(*argv: str, stdout: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MAIN, *argv], stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("argv", [("schema",), ("list",), ("list", "--json"), ("validate",)], ids=" ".join)
def test_a_reader_that_goes_is_no_mistake(routes: Path, argv: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    running = started(*argv, stdout=write)
    os.close(write)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("argv", [("schema",), ("list",), ("validate",)], ids=" ".join)
def test_a_full_disk_is_told_in_words(routes: Path, argv: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        running = started(*argv, stdout=full)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert said.splitlines()[0] == "error: standard output cannot be written: No space left on device"


def test_a_table_in_a_file_is_not_cut_to_the_terminal(routes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    running = started("list", stdout=subprocess.PIPE)
    told, _ = running.communicate(timeout=60)
    assert "http source   http target" in told
    assert "routes/orders.yaml" in told
