"""Files that were read: when they are moved, deleted, or left to the next run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from files_scene import NOON, STAGES, Scene

from airflow_integrations.errors import OutageError, RunError
from airflow_integrations.files.store import FileStore
from airflow_integrations.window import Window


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def test_a_file_is_moved_when_its_entities_have_their_fate_and_not_before(tmp_path: Path) -> None:
    scene = Scene(tmp_path, after={"move": "done"})
    scene.put("a.csv", "1,10")
    run = scene.new_run()
    for stage in STAGES:
        assert scene.names() == ["a.csv"]
        scene.stage(stage, run)
    assert scene.names() == ["done/a.csv"]
    scene.put("a.csv", "1,11", minutes=-1)
    assert scene.run() == ["1"]
    assert len(scene.names()) == 2  # the one that stands there already is not replaced


def test_a_run_that_broke_off_leaves_its_files_to_the_next(tmp_path: Path) -> None:
    scene = Scene(tmp_path, after="delete")
    scene.put("a.csv", "1,10")
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.stage("settle", run)  # transform failed for good
    assert scene.names() == ["a.csv"]
    assert scene.run() == ["1"]
    assert scene.names() == []


def test_what_settle_could_not_put_away_the_next_run_does_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, after="delete")
    scene.put("a.csv", "1,10")

    def fail(*_: Any) -> None:
        raise OutageError("away")

    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "delete", fail)
        assert scene.run() == ["1"]
    assert scene.names() == ["a.csv"]
    assert scene.run() == []
    assert scene.names() == []


def test_one_that_changed_after_it_was_read_is_not_put_away(tmp_path: Path) -> None:
    scene = Scene(tmp_path, after="delete")
    scene.put("a.csv", "1,10")
    run = scene.new_run()
    for stage in ("fetch", "transform", "push"):
        scene.stage(stage, run)
    scene.put("a.csv", "1,11", "2,20", minutes=-1)
    scene.stage("settle", run)
    assert scene.names() == ["a.csv"]
    assert scene.run() == ["1", "2"]


def test_a_fetch_that_is_cleared_reads_its_files_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.put("a.csv", "1,10")
    run = scene.new_run()
    for _ in range(2):
        for stage in STAGES:
            scene.stage(stage, run)
        assert scene.keys(run.run_id) == ["1"]
    assert scene.run() == []


def test_a_fetch_that_is_cleared_uses_what_is_staged_where_its_files_are_gone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, after="delete")
    scene.put("a.csv", "1,10")
    run = scene.new_run()
    for _ in range(2):
        for stage in STAGES:
            scene.stage(stage, run)
        assert scene.names() == []
        assert scene.keys(run.run_id) == ["1"]
    scene.incoming["csv"] = {"comment": "#"}
    with pytest.raises(RunError, match="moved or deleted since, and the route has changed"):
        scene.stage("fetch", scene.new_run().__class__(scene.route, run.run_id, run.window))
    assert scene.keys(run.run_id) == ["1"]


@pytest.mark.parametrize("more", [{"limit": 1}, {"dry_run": True}, {"keys": frozenset({"1"})}], ids=str)
def test_a_run_of_a_part_puts_nothing_away(tmp_path: Path, more: dict[str, Any]) -> None:
    scene = Scene(tmp_path, after="delete")
    scene.put("a.csv", "1,10", "2,20")
    assert scene.run(**more)[:1] == ["1"]
    assert scene.run() == ["1", "2"]
    assert scene.names() == []


def test_keys_and_windows_that_are_asked_for_are_read_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.put("a.csv", "1,10", minutes=-60)
    scene.put("b.csv", "2,20", minutes=-30)
    assert scene.run() == ["1", "2"]
    assert scene.run(keys=frozenset({"2"})) == ["2"]
    half = Window(NOON - timedelta(hours=2), NOON - timedelta(minutes=45))
    assert scene.run(window=half, explicit=True) == ["1"]
    assert scene.run(window=half, kind="backfill") == ["1"]


# complete files only
