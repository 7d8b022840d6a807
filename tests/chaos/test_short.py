"""The short version of ``make chaos``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
@pytest.mark.long
def test_everything_arrives_once_through_faults_kills_restarts_and_a_full_disk() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--short", "--seed", "3"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    figures = [json.loads(line) for line in done.stdout.splitlines()]
    assert figures, done.stderr
    assert [told.get("wrong") for told in figures] == [None] * len(figures), done.stdout
    assert done.returncode == 0
    for told in figures:
        assert told["fetch kill"] + told["push kill"] == 3
        assert sum(told["faults"].values()) > 0
