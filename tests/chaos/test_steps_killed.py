"""A push that sends entities in steps is killed at request after request: the short version of ``chaos.steps``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_step_is_lost_or_done_twice_and_none_goes_back() -> None:
    asked = ("--ledger", "sqlite", "--calm", "--entities", "12", "--kills", "6", "--seed", "2")

    done = subprocess.run(
        [sys.executable, "-m", "chaos.steps", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["kills"] == 6
    assert told["runs"] > 1, "no later run took over from a dead one"
