"""What a shell is told that asks what may follow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = "import sys; from airflow_integrations.cli import main; sys.argv[0] = 'airflow-integrations'; sys.exit(main())"


def completed(tmp_path: Path, line: str) -> list[str]:
    """The completions of a command line, by the protocol that all three shells speak."""
    told = tmp_path / "told"
    environ = os.environ | {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "fish",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line.encode())),
    }
    subprocess.run([sys.executable, "-c", MAIN], env=environ, check=False, timeout=60, capture_output=True)
    return [choice.partition("\t")[0].strip() for choice in told.read_text().splitlines() if choice.strip()]


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("airflow-integrations ", {"validate", "entities", "completion"}),
        ("airflow-integrations val", {"validate"}),
        ("airflow-integrations entities s", {"show", "skip"}),
        ("airflow-integrations preview ", {"orders"}),
        ("airflow-integrations entities show o", {"orders"}),
        ("airflow-integrations validate --format ", {"text", "json", "github"}),
        ("airflow-integrations completion ", {"bash", "zsh", "fish"}),
        ("airflow-integrations entities list orders --st", {"--status"}),
    ],
)
def test_completions(routes: Path, tmp_path: Path, line: str, some: set[str]) -> None:
    assert some <= set(completed(tmp_path, line))


def test_a_key_is_not_completed_with_files(routes: Path, tmp_path: Path) -> None:
    assert completed(tmp_path, "airflow-integrations entities show orders ro") == []


def test_without_a_folder_of_routes_there_are_no_names(tmp_path: Path) -> None:
    assert completed(tmp_path, "airflow-integrations preview o") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(call, tmp_path: Path, shell: str) -> None:
    code, script, said = call("completion", shell)
    assert (code, said) == (0, "")
    assert "airflow-integrations" in script
    if (found := shutil.which(shell)) is None:
        pytest.skip(f"{shell} is not installed here")
    (tmp_path / "script").write_text(script)
    subprocess.run([found, "-n", str(tmp_path / "script")], check=True, timeout=60)
