"""A fetch of files is killed at one point after the other, and then goes on: ``python kill_fetch_scene.py FOLDER``.

A point is the moment before or after something becomes durable: staging, the ledger, a file that is put away. A child
process ends there without any farewell, as SIGKILL ends it; another one goes on with the stages that have not ended.
Prints one line of JSON: how many were killed, and what was wrong after which.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from files_scene import STAGES, Scene
from kills import tell_each_kill
from sqlalchemy.engine.default import DefaultDialect

import airflow_integrations.engine.fetch.at_work as fetching
from airflow_integrations.files.store import FileStore
from airflow_integrations.staging.folder import Staging

KILLED = 77
STEP = 5
"""Only every fifth point: moments before and after something come in pairs, so that both sorts are met."""
KEYS = [str(number) for number in range(2300)]
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


def scene_at(folder: Path) -> Scene:
    scene = Scene(folder, after={"move": "done"})
    scene.more = {"tasks": {"together": 1}}
    return scene


def play(scene: Scene, stages: Iterable[str] = STAGES) -> None:
    """The stages of the first run that have not ended."""
    finished = scene.folder / "finished"
    done = finished.read_text().split() if finished.exists() else []
    run = scene.new_run()
    with scene.ledger:
        for stage in stages:
            if stage not in done:
                scene.stage(stage, run)
                with finished.open("a") as told:
                    told.write(f"{stage}\n")


def killed(scene: Scene, point: int) -> bool:
    child = os.fork()
    if not child:
        code = 1
        try:
            passed[0], last[0] = 0, point
            play(scene)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, KILLED):
        raise SystemExit(f"it failed at point {point} or before")
    return code == KILLED


def begin_again(folder: Path) -> None:
    """Everything is as it was before the first run."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(f"{folder}.begun", folder)


def wrong_after(folder: Path, point: int) -> list[str] | None:
    """What was wrong; None where the point is behind the last one."""
    begin_again(folder)
    if not killed(scene_at(folder), point):
        return None
    scene = scene_at(folder)
    play(scene)
    found = []
    if scene.keys("run1") != KEYS:
        found.append(f"the run has {len(scene.keys('run1'))} keys")
    scene.now = scene.now.replace(hour=18)
    with scene.ledger:
        if again := scene.run():
            found.append(f"the next run has {len(again)} keys again")
        if scene.statuses().keys() != set(KEYS) or set(scene.statuses().values()) != {"skipped"}:
            found.append(f"{len(scene.statuses())} keys are known")
    if scene.names() != ["done/a.csv", "done/b.csv", "done/c.csv"]:
        found.append(str(scene.names()))
    return found


def main(folder: Path) -> None:
    for owner, name in (
        (Staging, "write"),
        (DefaultDialect, "do_commit"),
        (FileStore, "move"),
    ):
        around(owner, name)
    logging.disable()
    fetching.COMMIT_SECONDS = -1.0  # every page is a place that is saved
    begun = scene_at(folder / "case")
    with begun.ledger:
        begun.statuses()
    begun.put("a.csv", *(f"{key},1" for key in KEYS[:1100]), minutes=-30)
    begun.put("b.csv", *(f"{key},1" for key in KEYS[1100:2299]), minutes=-20)
    begun.put("c.csv", f"{KEYS[-1]},1")
    shutil.copytree(folder / "case", folder / "case.begun", copy_function=shutil.copy2)
    tell_each_kill(lambda point: wrong_after(folder / "case", point), STEP)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
