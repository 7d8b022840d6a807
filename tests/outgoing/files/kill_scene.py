"""A push that writes files is killed at one point after the other, and then goes on.

``python kill_scene.py FOLDER PER STEP``: PER is ``run`` or ``entity``; every STEPth point is met.

A point is the moment before or after something becomes durable: a file at the place, a name there, the journal, the
ledger. A child process ends there without any farewell, as SIGKILL ends it. Then the next attempt, or a later run, does
the rest; a consumer takes the files away at once, or when all is done. Prints one line of JSON: how many were killed,
and what was wrong after which.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from itertools import count, product
from pathlib import Path
from typing import Any

from file_target_scene import Scene
from sqlalchemy.engine.default import DefaultDialect

from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.files.writing import FileWriter
from airflow_integrations.run import Run

KILLED = 77
ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]
passed = [0]
last = [0]


def hit() -> None:
    passed[0] += 1
    if passed[0] == last[0]:
        os._exit(KILLED)


def around(owner: Any, name: str) -> None:
    inner: Callable[..., Any] = getattr(owner, name)

    def marked(*arguments: Any, **named: Any) -> Any:
        hit()
        result = inner(*arguments, **named)
        hit()
        return result

    setattr(owner, name, marked)


def killed(scene: Scene, run: Run, point: int) -> bool:
    """Whether a push in a fork of this process met the point; else it came to its end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            passed[0], last[0] = 0, point
            with scene.ledger:
                scene.stage(push, run)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, KILLED):
        raise SystemExit(f"it failed at point {point} or before")
    return code == KILLED


def scene_in(folder: Path, per: str) -> Scene:
    name = "{{ key }}" if per == "entity" else "orders"
    return Scene(folder, done=".done", most=3, per=per, path=f"{folder / 'out'}/{name}.jsonl")


def wrong_after(folder: Path, per: str, point: int, *, again: bool, taken: bool) -> list[str] | None:
    """What was wrong; None where the point is behind the last one. ``again``: another attempt of the run follows, and
    not only later runs. ``taken``: the consumer takes files away at once."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(f"{folder}.begun", folder)
    scene = scene_in(folder, per)
    got: list[int] = []

    def take() -> None:
        for path in sorted(scene.out.glob("*.jsonl")) if scene.out.exists() else []:
            got.extend(json.loads(line)["id"] for line in path.read_bytes().splitlines())
            path.unlink()

    run = scene.make_run("one", ORDERS)
    if not killed(scene, run, point):
        return None
    if taken:
        take()
    with scene.ledger:
        scene.now += 2 * 3600
        if again:
            scene.stage(push, run)
        scene.stage(settle, run)
        scene.now += 2 * 86400
        scene.outgoing["if_exists"] = "number"
        scene.run("two", None)
        take()
        found = [] if Counter(got) == Counter(range(1, 6)) else [f"got {sorted(got)}"]
        if set(scene.statuses().values()) != {"delivered"}:
            found.append(str(scene.statuses()))
    return found


def main(folder: Path, per: str, step: int) -> None:
    for owner, name in (
        (FileWriter, "write"),
        (FileWriter, "rename"),
        (FileWriter, "remove"),
        (Journal, "flush"),
        (DefaultDialect, "do_commit"),
    ):
        around(owner, name)
    logging.disable()
    wrong: dict[str, list[str]] = {}
    kills = 0
    first = scene_in(folder / "case", per)
    with first.ledger:
        first.begin("one", ORDERS)
    shutil.copytree(folder / "case", folder / "case.begun")
    for again, shift in product((True, False), (0, 1)):
        for point in count(1 + shift, step):
            taken = again == bool(shift)
            found = wrong_after(folder / "case", per, point, again=again, taken=taken)
            if found is None:
                break
            kills += 1
            if found:
                wrong[f"point {point}, again={again}, taken={taken}"] = found
    print(json.dumps({"killed": kills, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
