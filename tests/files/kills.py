"""A scene that kills what it is about at one point after the other, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

__all__ = ["kills_nothing_wrong", "tell_each_kill"]


def tell_each_kill(wrong_after: Callable[[int], list[str] | None], step: int) -> None:
    """Print how often the scene was killed, at every ``step``-th point, and after which points something was wrong.
    ``wrong_after`` says what; None behind the last point."""
    wrong: dict[str, list[str]] = {}
    kills = 0
    for point in count(1, step):
        found = wrong_after(point)
        if found is None:
            break
        kills += 1
        if found:
            wrong[f"point {point}"] = found
    print(json.dumps({"killed": kills, "wrong": wrong}))


def kills_nothing_wrong(scene: Path, *arguments: object) -> int:
    """Run a scene that tells each kill; how many there were. Nothing may be wrong after any of them."""
    done = subprocess.run(
        [sys.executable, str(scene), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["wrong"] == {}
    return int(told["killed"])
