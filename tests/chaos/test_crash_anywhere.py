"""A run that is stopped anywhere, at every await, write and commit, and then goes on: all is as if it was not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCENE = Path(__file__).with_name("crash_scene.py")


@pytest.mark.long
def test_a_crash_anywhere_loses_nothing_and_delivers_nothing_twice(ledger_url: str, tmp_path: Path) -> None:
    step = 3 if ledger_url.startswith("sqlite") else 9  # python crash_scene.py sqlite:////… FOLDER 1 tries them all
    folder = tmp_path / "scene"
    folder.mkdir()

    command = [sys.executable, str(SCENE), ledger_url, str(folder), str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == {}
    assert told["crashes"] > 0.9 * sum(told["points"].values()) / step
    assert set(told["points"]) == {"await", "staging", "journal", "commit", "target"}
