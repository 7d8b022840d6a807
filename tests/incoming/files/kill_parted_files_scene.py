"""A fetch of files in partitions is killed at one point after the other, and then goes on:
``python kill_parted_files_scene.py FOLDER``.

As in kill_fetch_scene.py, in each of the tasks, and also before and after anything is read: of the place of the files,
of staging. Also told is an interchange that was answered twice, or not at all.
"""

from __future__ import annotations

import logging
import shutil
import sys
from functools import partial
from pathlib import Path

import kill_fetch_scene
from acknowledging_scene import interchange, message
from kill_fetch_scene import around, begin_again, killed
from kills import tell_each_kill
from parted_files_scene import ALL, PartedInterchanges
from sqlalchemy.engine.default import DefaultDialect

import airflow_integrations.engine.fetch.at_work as fetching
import airflow_integrations.incoming.files.records as reading
from airflow_integrations.files.store import FileStore
from airflow_integrations.staging.folder import Staging

STEP = 7
FILES = {"a.edi": range(6), "b.edi": range(6, 7), "c.edi": range(7, 9)}
REFERENCES = [f"I{number}" for numbers in FILES.values() for number in numbers]
KEYS = [f"{reference}|{number}" for reference in REFERENCES for number in (1, 2)]
BOOKS = [f"{len(KEYS)} fetched = {len(KEYS)} skipped"]


def scene_at(folder: Path) -> PartedInterchanges:
    scene = PartedInterchanges(folder, after={"move": "done"}, order="name")
    scene.more["tasks"] = {"together": 1}
    return scene


play = partial(kill_fetch_scene.play, stages=ALL)


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
        if (books := scene.stage("settle", scene_at(folder).new_run()).lines()) != BOOKS:
            found.append(f"its books: {books}")
        if again := scene.run():
            found.append(f"the next run has {len(again)} keys again")
        if scene.statuses().keys() != set(KEYS) or set(scene.statuses().values()) != {"skipped"}:
            found.append(f"{len(scene.statuses())} keys are known")
    if scene.acknowledged() != REFERENCES:
        found.append(f"answered: {scene.acknowledged()}")
    if scene.names() != [f"done/{name}" for name in FILES]:
        found.append(str(scene.names()))
    return found


def main(folder: Path) -> None:
    for owner, name in (
        (Staging, "write"),
        (Staging, "manifest"),
        (Staging, "read_packed"),
        (Staging, "blocks"),
        (DefaultDialect, "do_commit"),
        (FileStore, "list"),
        (FileStore, "find"),
        (FileStore, "open"),
        (FileStore, "move"),
    ):
        around(owner, name)
    logging.disable()
    kill_fetch_scene.play = play
    fetching.COMMIT_SECONDS = -1.0  # every page is a place that is saved
    reading.PAGE = 5
    begun = scene_at(folder / "case")
    with begun.ledger:
        begun.statuses()
    for name, numbers in FILES.items():
        begun.arrive(name, *(interchange(f"I{number}", message("1"), message("2")) for number in numbers))
    shutil.copytree(folder / "case", folder / "case.begun", copy_function=shutil.copy2)
    tell_each_kill(lambda point: wrong_after(folder / "case", point), STEP)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
