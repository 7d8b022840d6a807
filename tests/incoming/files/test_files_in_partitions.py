"""Files that one task lists and several read: each once, in the order of the files, whatever happens in between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acknowledging_scene import interchange, message
from files_scene import NOON
from kills import kills_nothing_wrong
from parted_files_scene import ALL, PartedFiles, PartedInterchanges

from airflow_integrations.engine.fetch import at_work
from airflow_integrations.errors import AnswerError, OutageError, RunError
from airflow_integrations.files.store import FileStore
from airflow_integrations.window import Window

PLANNED = ("fetch",)
REST = ALL[1:]


def filled(scene: PartedFiles, count: int = 3) -> PartedFiles:
    for number in range(1, count + 1):
        scene.put(f"f{number}.csv", f"{number},10", "same," + str(number), minutes=-60 + number)
    return scene


def test_files_are_planned_by_one_task_and_read_by_several(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path))
    run = scene.new_run()
    planned = scene.stage("fetch", run)
    assert (planned.complete, planned.partitions, planned.fetch_tasks, planned.counts["fetched"]) == (False, 3, 2, 0)
    assert [each.part for each in scene.stage("fetch_1", run)] == [1, 3]
    assert [each.part for each in scene.stage("fetch_2", run)] == [2]
    assert scene.whole(run, *ALL[3:]) == ["1", "same", "2", "same", "3", "same"]
    assert scene.books == ["6 fetched = 6 skipped"]
    scene.now += timedelta(hours=1)
    assert scene.run() == []


def test_of_two_states_of_a_key_that_of_the_later_file_counts(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path), 4)
    scene.write_into()
    scene.run()
    assert [price for key, price in scene.sent() if key == "same"] == ["1", "2", "3", "4"]


def test_files_that_follow_each_other_are_one_partition(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path, partitions={"files": 2}, order="name"), 5)
    run = scene.new_run()
    assert scene.stage("fetch", run).partitions == 3
    assert scene.whole(run, *REST)[::2] == ["1", "2", "3", "4", "5"]


def test_more_files_than_there_may_be_partitions_share_them(tmp_path: Path) -> None:
    scene = PartedFiles(tmp_path, order="name")
    for number in range(1001):
        scene.put(f"{number:04}.csv", f"{number},1")
    run = scene.new_run()
    assert scene.stage("fetch", run).partitions == 501
    assert scene.whole(run, *REST) == [str(number) for number in range(1001)]


@pytest.mark.parametrize("count", [0, 1])
def test_so_few_files_are_read_at_once(tmp_path: Path, count: int) -> None:
    scene = filled(PartedFiles(tmp_path), count)
    manifest = scene.stage("fetch", scene.new_run())
    assert (manifest.complete, manifest.partitions, manifest.counts["fetched"]) == (True, 0, 2 * count)


@pytest.mark.parametrize("more", [{"limit": 3}, {"entities": ({"sku": "9"},)}, {"events": True}], ids=str)
def test_a_run_of_a_part_is_not_divided(tmp_path: Path, more: dict[str, Any]) -> None:
    assert filled(PartedFiles(tmp_path)).stage("fetch", filled(PartedFiles(tmp_path)).new_run(**more)).complete


def test_settled_files_of_the_window_alone_are_planned(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path, since="modified"))

    def written() -> None:
        scene.put("new.csv", "new,1", "new,2", minutes=-0.1)

    scene.put("new.csv", "new,1", minutes=-0.1)
    scene.meanwhile = written
    scene.put("later.csv", "later,1", minutes=30)
    assert scene.run() == ["1", "same", "2", "same", "3", "same"]
    assert scene.slept == [10.0]
    assert scene.run() == ["new", "new", "later"]


def test_what_comes_after_the_plan_is_left_to_the_next_run(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path), 2)
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.put("f3.csv", "3,10")
    scene.stage("fetch", run)  # it was killed, or cleared at once: its plan stays
    assert scene.whole(run, *REST) == ["1", "same", "2", "same"]
    assert scene.run() == ["3"]


# what happens to files between plan and fetch


def test_a_file_that_is_replaced_after_the_plan_is_read_by_the_next_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Here its newer states would come before those of files that are older."""
    scene = filled(PartedFiles(tmp_path, after="delete"))
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.put("f1.csv", "1,11", "same,11", minutes=-1)
    assert scene.whole(run, *REST) == ["2", "same", "3", "same"]
    assert "f1.csv has changed since the fetch was planned: the next run reads it" in caplog.text
    assert scene.names() == ["f1.csv"]
    assert scene.run() == ["1", "same"]
    assert scene.names() == []


@pytest.mark.parametrize(
    ("more", "asked"),
    [({}, {"explicit": True}), ({}, {"kind": "backfill"}), ({}, {"keys": frozenset({"1", "2", "3"})})],
    ids=["explicit", "backfill", "keys"],
)
def test_one_that_no_other_run_would_read_is_planned_again(
    tmp_path: Path, more: dict[str, Any], asked: dict[str, Any]
) -> None:
    scene = filled(PartedFiles(tmp_path))
    run = scene.new_run(window=Window(NOON - timedelta(hours=5), NOON), **asked)
    scene.stage("fetch", run)
    scene.put("f1.csv", "1,11", minutes=-1)
    scene.stage("fetch_2", run)
    with pytest.raises(AnswerError, match=r"f1.csv has changed .* clear the task fetch of this run"):
        scene.stage("fetch_1", run)
    with pytest.raises(RunError, match=r"1 of 3 partitions \(1\) were not fetched"):
        scene.stage("transform", run)
    scene.now += timedelta(seconds=1)
    found = scene.whole(run, *ALL)
    assert [key for key in found if key != "same"] == ["2", "3", "1"], "in the order that the files have now"


def test_of_an_interval_it_is_planned_again_too(tmp_path: Path) -> None:
    scene = PartedFiles(tmp_path, since={"name": "%Y%m%d"})
    scene.more["window"] = {"mode": "interval"}
    for name in ("20260224.csv", "20260225.csv"):
        scene.put(name, "1,10")
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.put("20260224.csv", "1,11", minutes=-1)
    with pytest.raises(AnswerError, match="no other run would read it"):
        scene.stage("fetch_1", run)


def test_a_file_that_vanishes_spoils_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = filled(PartedFiles(tmp_path))
    run = scene.new_run()
    scene.stage("fetch", run)
    (scene.inbox / "f2.csv").unlink()
    assert scene.whole(run, *REST) == ["1", "same", "3", "same"]
    assert "f2.csv was taken away before all of it was read" in caplog.text
    assert scene.books == ["4 fetched = 4 skipped"]


def test_a_worker_that_sees_none_of_the_files_takes_them_for_an_outage(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path))
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.inbox.rename(tmp_path / "elsewhere")
    with pytest.raises(OutageError, match="is it mounted"):
        scene.stage("fetch_1", run)
    scene.inbox.mkdir()
    with pytest.raises(OutageError, match="every worker that fetches has to see the same folder"):
        scene.stage("fetch_1", run)
    scene.inbox.rmdir()
    (tmp_path / "elsewhere").rename(scene.inbox)
    assert scene.whole(run, *REST)[::2] == ["1", "2", "3"]


def test_one_that_changes_while_it_is_read_is_left_as_a_whole_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "COMMIT_SECONDS", -1.0)
    scene = filled(PartedFiles(tmp_path), 2)
    scene.put("a.csv", *(f"a{number},1" for number in range(2500)), minutes=-90)
    run, inner, times = scene.new_run(), FileStore.find, [0]

    def find(store: FileStore, path: str) -> Any:
        if path.endswith("a.csv"):
            times[0] += 1
            if times[0] == 2:  # behind its last record
                scene.put("a.csv", *(f"b{number},1" for number in range(2500)), minutes=-1)
        return inner(store, path)

    scene.stage("fetch", run)
    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "find", find)
        with pytest.raises(OutageError, match="changed while it was read"):
            scene.stage("fetch_1", run)
    saved = scene.staging(run.run_id).manifest("fetch", 1)
    assert saved is not None
    assert saved.resume["passed"] > 0
    assert scene.whole(run, *REST) == ["1", "same", "2", "same"]
    assert scene.run() == [f"b{number}" for number in range(2500)]


def test_a_plan_that_is_gone_is_told_of_and_made_again(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path))
    run = scene.new_run()
    planned = scene.stage("fetch", run)
    scene.staging(run.run_id).write(f"fetch-parts-{planned.version}.json.zst", b"damaged")
    with pytest.raises(RunError, match="what fetch planned is gone or damaged"):
        scene.stage("fetch_1", run)
    scene.now += timedelta(seconds=1)
    assert scene.whole(run, *ALL)[::2] == ["1", "2", "3"]


def test_a_link_that_takes_the_place_of_a_planned_file_is_not_followed(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path))
    secret = tmp_path / "secret.csv"
    planned = scene.inbox / "f1.csv"
    run = scene.new_run()
    scene.stage("fetch", run)
    planned.rename(secret)  # of the same size and time
    planned.symlink_to(secret)
    scene.whole(run, *REST)
    assert "1" not in scene.keys(run.run_id)


# what is wrong with files


def test_a_bad_record_spoils_no_other_and_its_file_stays(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path, after={"move": "done"}), 2)
    scene.more["delivery"] = {"fail_run": "never"}
    scene.put("bad.csv", "7,10", "8,1,2,3,4", "9,10", minutes=-80)
    assert scene.run() == ["7", "9", "1", "same", "2", "same"]
    assert scene.books == ["7 fetched = 1 rejected + 6 skipped"]
    assert scene.names() == ["bad.csv", "done/f1.csv", "done/f2.csv"]
    assert scene.run() == []


def test_files_are_put_away_once_all_have_their_fate(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path, after={"move": "done"}))
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.stage("fetch_1", run)
    assert scene.stage("settle", run).unfinished == "fetch"
    assert scene.names() == ["f1.csv", "f2.csv", "f3.csv"], "one task of two has failed for good"
    scene.whole(run, "fetch_2", "transform", "push")
    assert scene.names() == ["f1.csv", "f2.csv", "f3.csv"]
    scene.stage("settle", run)
    assert scene.names() == ["done/f1.csv", "done/f2.csv", "done/f3.csv"]


def test_a_run_that_lacks_a_partition_leaves_its_files_to_the_next_one(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path))
    run = scene.new_run()
    scene.stage("fetch", run)
    scene.stage("fetch_1", run)
    scene.stage("settle", run)
    scene.now += timedelta(hours=1)
    assert scene.run() == ["1", "same", "2", "same", "3", "same"]


@pytest.mark.parametrize("after", ["keep", "delete"])
def test_a_run_that_is_cleared_and_run_again_has_the_same_books(tmp_path: Path, after: str) -> None:
    scene = filled(PartedFiles(tmp_path, after=after))
    run, books = scene.new_run(), []
    for _ in range(3):
        assert scene.whole(run)[::2] == ["1", "2", "3"]
        books.append(scene.books)
        scene.now += timedelta(seconds=1)
    assert books == [["6 fetched = 6 skipped"]] * 3
    assert scene.run() == []


def test_a_task_that_is_cleared_alone_uses_what_is_staged(tmp_path: Path) -> None:
    scene = filled(PartedFiles(tmp_path, after="delete"))
    run = scene.new_run()
    scene.whole(run)
    assert scene.stage("fetch_2", run) == []
    assert scene.whole(run, *ALL[3:])[::2] == ["1", "2", "3"]


def test_each_interchange_is_answered_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    scene = PartedInterchanges(tmp_path, order="name")
    for number in range(3):
        scene.arrive(f"{number}.edi", interchange(f"I{number}", message("1"), message("2", count=number + 2)))
    run = scene.new_run()
    scene.whole(run, *ALL[:-1])
    assert scene.acknowledged() == []
    scene.whole(run, "settle", "settle")
    assert scene.acknowledged() == ["I0", "I1", "I2"]
    scene.now += timedelta(seconds=1)
    scene.whole(run)
    assert scene.acknowledged() == ["I0", "I1", "I2"]
    assert scene.books == ["6 fetched = 2 rejected + 4 skipped"]


def test_a_kill_at_any_read_or_write_in_any_task_neither_loses_nor_doubles(tmp_path: Path) -> None:
    assert kills_nothing_wrong(Path(__file__).with_name("kill_parted_files_scene.py"), tmp_path) >= 25
