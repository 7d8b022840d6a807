"""A route that reads interchanges and one that answers them are killed at one point after the other, and go on:
``python kill_acknowledging_scene.py FOLDER``.

As in kill_fetch_scene.py. Prints how many were killed, and what was wrong after which: an interchange that was answered
twice, or not at all.
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections import Counter
from pathlib import Path

import kill_fetch_scene
from acknowledging_scene import Answering, interchange, message
from files_scene import STAGES
from kill_fetch_scene import around, begin_again, killed
from kills import tell_each_kill
from sqlalchemy.engine.default import DefaultDialect

import airflow_integrations.engine.fetch.at_work as fetching
import airflow_integrations.incoming.files.records as reading
from airflow_integrations.files.store import FileStore
from airflow_integrations.files.writing import FileWriter
from airflow_integrations.staging.folder import Staging

STEP = 9
EXPECTED = {f"I{number}": 1 for number in range(12)}


def scene_at(folder: Path) -> Answering:
    scene = Answering(folder, after={"move": "done"})
    scene.more["tasks"] = {"together": 1}
    return scene


def play(scene: Answering) -> None:
    """The stages of both routes' first runs that have not ended."""
    finished = scene.folder / "finished"
    done = finished.read_text().split() if finished.exists() else []
    with scene.ledger:
        for stage_of, run in ((scene.stage, scene.new_run()), (scene.answer_stage, scene.answer_run())):
            for stage in STAGES:
                name = f"{run.route.route}.{stage}"
                if name not in done:
                    stage_of(stage, run)
                    with finished.open("a") as told:
                        told.write(f"{name}\n")


def wrong_after(folder: Path, point: int) -> list[str] | None:
    """What was wrong; None where the point is behind the last one."""
    begin_again(folder)
    if not killed(scene_at(folder), point):
        return None
    scene = scene_at(folder)
    play(scene)
    scene.now = scene.now.replace(hour=18)
    with scene.ledger:
        scene.run()
        scene.answer_runs = 100
        scene.answer()
    answered = Counter(line.split("+")[1] for line in scene.written() if line.startswith("UCI"))
    return [] if answered == EXPECTED else [str(sorted(answered.items()))]


def main(folder: Path) -> None:
    for owner, name in (
        (Staging, "write"),
        (DefaultDialect, "do_commit"),
        (FileStore, "move"),
        (FileWriter, "write"),
        (FileWriter, "rename"),
    ):
        around(owner, name)
    logging.disable()
    kill_fetch_scene.play = play  # type: ignore[assignment]
    fetching.COMMIT_SECONDS = -1.0  # every page is a place that is saved
    reading.PAGE = 5
    begun = scene_at(folder / "case")
    with begun.ledger:
        begun.statuses()
    for name, numbers in (("a.edi", range(8)), ("b.edi", range(8, 12))):
        begun.arrive(name, *(interchange(f"I{number}", message("1"), message("2")) for number in numbers))
    shutil.copytree(folder / "case", folder / "case.begun", copy_function=shutil.copy2)
    tell_each_kill(lambda point: wrong_after(folder / "case", point), STEP)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
