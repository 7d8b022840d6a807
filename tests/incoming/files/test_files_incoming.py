"""Files as a source: each is read once, when it is complete, whatever happens while it is read."""

from __future__ import annotations

import gzip
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from files_scene import NOON, Scene
from kills import kills_nothing_wrong
from pydantic import ValidationError

from airflow_integrations.errors import AnswerError, OutageError, RouteError, SetupError
from airflow_integrations.files.store import FileStore
from airflow_integrations.window import EPOCH, Window


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def test_each_file_is_read_once_and_what_changes_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.put("a.csv", "1,10", "2,20")
    scene.put("b.csv", "3,30", minutes=-5)
    assert scene.run() == ["1", "2", "3"]
    assert scene.run() == []
    scene.put("b.csv", "3,31", "4,40")
    scene.put("c.csv", "5,50", minutes=-20)
    assert scene.run() == ["5", "3", "4"]
    assert scene.names() == ["a.csv", "b.csv", "c.csv"]


@pytest.mark.parametrize("order", ["time", "name"])
def test_the_order_of_files(tmp_path: Path, order: str) -> None:
    scene = Scene(tmp_path, order=order)
    scene.put("b.csv", "1,10", minutes=-9)
    scene.put("a.csv", "2,20", minutes=-3)
    assert scene.run() == (["1", "2"] if order == "time" else ["2", "1"])


def test_a_run_waits_a_moment_for_files_that_were_just_changed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    still, growing = scene.put("a.csv", "1,10", minutes=0), scene.put("b.csv", "2,20", minutes=0)

    def grow() -> None:
        growing.write_text("sku,price\n2,20\n3,30\n")
        scene.age(growing, 0.1)

    scene.meanwhile = grow
    assert scene.run() == ["1"]
    assert scene.slept == [10.0]
    assert still.exists()
    assert scene.run() == ["2", "3"]


def test_a_long_age_is_not_waited_for(tmp_path: Path) -> None:
    scene = Scene(tmp_path, settled={"age": "20m"})
    scene.put("a.csv", "1,10", minutes=-10)
    assert scene.run() == []
    assert scene.slept == []
    assert scene.run() == ["1"]


@pytest.mark.parametrize(
    ("marker", "name"), [(".done", "a.csv.done"), ("{stem}.ok", "a.ok"), ("ok-{name}", "ok-a.csv")]
)
def test_a_marker_says_that_a_file_is_complete(tmp_path: Path, marker: str, name: str) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/in/*", format="csv", settled={"marker": marker}, after={"move": "done"})
    scene.put("a.csv", "1,10")
    early = scene.put(name, minutes=-11)
    assert scene.run() == []  # of an earlier file of this name
    scene.age(early, -1)
    assert scene.run() == ["1"]
    assert scene.names() == ["done/a.csv"]
    assert scene.slept == []


def test_a_file_that_changes_while_it_is_read_is_read_again_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path)
    scene.put("a.csv", "0,0", minutes=-20)
    changing = scene.put("b.csv", *(f"{number},1" for number in range(1, 2500)))
    inner = FileStore.find
    looks: list[str] = []

    def changed(store: FileStore, path: str) -> Any:
        if path == str(changing) and not looks:
            looks.append(path)
            scene.put("b.csv", "1,7", minutes=-1)
        return inner(store, path)

    monkeypatch.setattr(FileStore, "find", changed)
    run = scene.new_run()
    with pytest.raises(OutageError, match="changed while it was read"):
        scene.stage("fetch", run)
    scene.stage("fetch", run)
    assert scene.keys(run.run_id) == ["0", "1"]


def test_a_file_that_is_taken_away_while_it_is_read_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path)
    scene.put("a.csv", "1,10", minutes=-20)
    scene.put("b.csv", "2,20")
    inner = FileStore.list

    def listed(store: FileStore) -> Any:
        found = inner(store)
        (scene.inbox / "a.csv").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(FileStore, "list", listed)
    assert scene.run() == ["2"]


# time


def test_a_scheduled_run_takes_files_of_its_window_and_those_that_come_late(tmp_path: Path) -> None:
    scene = Scene(tmp_path, since={"name": "p_%Y%m%d"})
    scene.more = {"schedule": {"cron": "0 0 * * *"}}
    for number in (1, 2, 3, 4):
        scene.put(f"p_2026030{number}.csv", f"{number},1", minutes=-60 * 24)
    assert scene.run(window=Window(day(2), day(3)), kind="scheduled") == ["2"]  # older than the first window, or newer
    scene.put("p_20260302b.csv", "22,1")
    scene.put("p_20260303.csv.later", "9,1")
    assert scene.run(window=Window(day(3), day(4)), kind="scheduled") == ["22", "3"]
    assert scene.run(window=Window(day(1), day(2)), kind="backfill") == ["1"]
    assert scene.run(window=Window(day(2), day(3)), explicit=True) == ["2", "22"]


def test_interval_windows_take_their_own_files_only(tmp_path: Path) -> None:
    scene = Scene(tmp_path, since="modified")
    scene.more = {"schedule": {"cron": "0 * * * *"}, "window": {"mode": "interval"}}
    scene.put("a.csv", "1,1", minutes=-90)
    scene.put("b.csv", "2,1", minutes=-30)
    scene.put("c.csv", "3,1", minutes=-10)
    hours = [NOON - timedelta(hours=2), NOON - timedelta(hours=1), NOON]
    assert scene.run(window=Window(*hours[1:]), kind="scheduled") == ["2", "3"]
    assert scene.run(window=Window(*hours[:2]), kind="scheduled") == ["1"]


def test_the_zone_of_a_date_in_the_name(tmp_path: Path) -> None:
    scene = Scene(tmp_path, since={"name": "%Y-%m-%d", "time_zone": "Europe/Madrid"})
    scene.put("2026-03-02.csv", "1,1")
    assert scene.run(window=Window(day(2), day(3)), explicit=True) == []
    assert scene.run(window=Window(day(1, 23), day(2, 0)), explicit=True) == ["1"]


def test_a_name_without_a_date_is_told_of_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, since={"name": "p_%Y%m%d"}, after="delete")
    scene.put("p_20260301.csv", "1,1")
    scene.put("p_2026-03-02.csv", "2,1")
    scene.run()
    (problem,) = scene.problems("run1")
    assert "its name has no date" in problem.reason
    assert scene.names() == ["p_2026-03-02.csv"]
    scene.run()
    assert scene.problems("run2") == []


# what is wrong with a file


def test_bad_records_are_rejected_alone_with_file_and_line(tmp_path: Path) -> None:
    scene = Scene(tmp_path, after="delete")
    scene.put("a.csv", "1,10", "2,20,oops", "3,30")
    scene.put("b.csv", "4,40")
    assert scene.run() == ["1", "3", "4"]
    (problem,) = scene.problems("run1")
    assert problem.reason.startswith(f"{scene.inbox}/a.csv: line 3: it has 3 values for 2 columns")
    assert scene.names() == ["a.csv"]  # it can be corrected
    assert scene.run() == []
    scene.put("a.csv", "1,10", "2,20", "3,30", minutes=-1)
    assert scene.run() == ["1", "2", "3"]
    assert scene.names() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the CSV is empty"),
        (b"<html><body>Login</body></html>", "an HTML page came instead of data"),
        (b"name,price\nx,1\n", "the CSV has no column 'sku'"),
        (b'sku,price\n1,2\n"3,4\n', "ends inside a quoted value"),
        (gzip.compress(b"sku,price\n" + b"1,2\n" * 5000)[:-30], "ends in the middle"),
    ],
    ids=["empty", "page", "columns", "quote", "cut"],
)
def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path, content: bytes, reason: str) -> None:
    scene = Scene(tmp_path, after="delete", bad_records="reject")
    path = scene.put("a.csv", minutes=-30)
    path.write_bytes(content)
    scene.age(path, -30)
    scene.put("b.csv", "9,90")
    assert scene.run()[-1] == "9"
    assert reason in scene.problems("run1")[-1].reason
    assert scene.names() == ["a.csv"]


def test_bad_records_may_fail_the_run(tmp_path: Path) -> None:
    scene = Scene(tmp_path, bad_records="fail")
    scene.put("a.csv", "1,10", "2,20,oops")
    with pytest.raises(AnswerError, match=r"a\.csv: line 3"):
        scene.run()


def test_the_folder_has_to_be_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/nothing/*.csv")
    with pytest.raises(OutageError, match="nothing is not there; is it mounted"):
        scene.run()


# the rest


def test_a_fetch_goes_on_in_the_middle_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path)
    keys = [str(number) for number in range(5000)]
    scene.put("a.csv", *(f"{key},1" for key in keys))
    monkeypatch.setattr("airflow_integrations.engine.fetch.at_work.COMMIT_SECONDS", -1.0)
    inner = FileStore.find
    fed: list[str] = []

    def away(store: FileStore, path: str) -> Any:
        if not fed:
            fed.append(path)
            raise OutageError("away")
        return inner(store, path)

    monkeypatch.setattr(FileStore, "find", away)
    run = scene.new_run()
    with pytest.raises(OutageError):
        scene.stage("fetch", run)
    manifest = scene.staging(run.run_id).manifest("fetch")
    assert manifest is not None
    assert 0 < manifest.resume["passed"] < 5000
    scene.stage("fetch", run)
    assert scene.keys(run.run_id) == keys


def test_a_kill_anywhere_neither_loses_nor_doubles(tmp_path: Path) -> None:
    assert kills_nothing_wrong(Path(__file__).with_name("kill_fetch_scene.py"), tmp_path) >= 15


def test_records_are_taken_and_get_their_file(tmp_path: Path) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/in/*.json", records="[one for one in body.prices if file.size > 1]")
    scene.incoming["file_as"] = "of_file"
    scene.more = {"entity": {"name": "price", "key": "(price.of_file.name, price.sku)"}}
    path = scene.inbox / "a.json"
    path.write_text('{"prices": [{"sku": 1, "price": 0.10}]}')
    scene.age(path, -5)
    assert scene.run() == ["a.json|1"]


def test_all_files_in_every_run_show_what_is_missing(tmp_path: Path) -> None:
    scene = Scene(tmp_path, again=True)
    for _ in range(2):
        scene.put("a.csv", "1,10")
        assert scene.run() == ["1"]


def test_a_connection_of_files(tmp_path: Path) -> None:
    from types import SimpleNamespace

    folder = SimpleNamespace(
        name="share", kind="fs", host="", port=None, login=None, password=None, extra={"path": str(tmp_path)}
    )
    scene = Scene(tmp_path, {"share": folder}, connection="share", path="in/*.csv")
    scene.put("a.csv", "1,10")
    assert scene.run() == ["1"]
    folder.kind = "postgres"
    with pytest.raises(SetupError, match="says nothing of a file system"):
        scene.run()


@pytest.mark.parametrize(
    ("options", "more", "message"),
    [
        ({"path": "in/*.csv"}, {}, "write it from the root"),
        ({"path": "sftp://me:secret@host/*.csv"}, {}, "put user and password into a Connection"),
        ({"since": {"name": "orders"}}, {}, "a year and a month at least"),
        ({"since": {"name": "%Y%m%x"}}, {}, "%x is not known"),
        ({"settled": {"marker": "done"}}, {}, "an ending that begins with a dot"),
        ({"again": True, "after": "delete"}, {}, "leave after at keep"),
        ({"after": {"move": "/"}}, {}, "in that folder already"),
        ({}, {"missing": "emit"}, "write again: true"),
        ({"again": True, "since": "modified"}, {"missing": "emit"}, "this takes the files of a window"),
        ({}, {"window": {"slice": "1d"}}, "take slice out"),
        ({"records": "nothing.here"}, {}, "nothing"),
    ],
    ids=str,
)
def test_mistakes_are_told(tmp_path: Path, options: dict[str, Any], more: dict[str, Any], message: str) -> None:
    from airflow_integrations.route.check import check

    scene = Scene(tmp_path, **options)
    scene.more = {"outgoing": {"http": {"connection": "x", "path": "/", "method": "PUT"}}, **more}
    with pytest.raises((ValidationError, RouteError), match=message):
        check(scene.route)


def test_a_route_without_a_schedule_takes_all_there_is(tmp_path: Path) -> None:
    scene = Scene(tmp_path, since="modified")
    scene.put("a.csv", "1,1", minutes=-60 * 24 * 365)
    assert scene.run(window=Window(EPOCH, NOON)) == ["1"]
    assert scene.run(window=Window(EPOCH, NOON)) == []


def test_fixed_width_is_read_and_a_bad_line_is_told_with_its_file(tmp_path: Path) -> None:
    columns = [{"name": "sku", "width": 4}, {"name": "price", "width": 5, "type": "decimal", "places": 2}]
    scene = Scene(tmp_path, path=f"{tmp_path}/in/*.txt", format="fixed_width", fixed_width={"columns": columns})
    scene.put("a.txt", "A1  00150", "B2  0x250", "C3  00350", header="")
    assert scene.run() == ["A1", "C3"]
    (problem,) = scene.problems("run1")
    assert problem.reason.endswith(
        "a.txt: line 2: column 'price' is '0x250', which is not a decimal whose last 2 digits are behind the point"
    )


def test_parquet_is_read_and_a_bad_row_is_told_with_its_file(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    scene = Scene(tmp_path, path=f"{tmp_path}/in/*.parquet")
    scene.put("a.parquet", "")
    table = pyarrow.table({"sku": ["A1", "B2", "C3"], "price": [1.5, float("nan"), 2.0]})
    written = (tmp_path / "in" / "a.parquet").stat()
    pyarrow.parquet.write_table(table, tmp_path / "in" / "a.parquet")
    os.utime(tmp_path / "in" / "a.parquet", (written.st_atime, written.st_mtime))
    assert scene.run() == ["A1", "C3"]
    (problem,) = scene.problems("run1")
    assert problem.reason.endswith("a.parquet: row 2 of row group 1, column price: NaN is not a number of JSON")


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"])
def test_tar_archives(tmp_path: Path, ending: str) -> None:
    for name, number in (("one.csv", 1), ("two.csv", 2), ("two.txt", 3)):
        (tmp_path / name).write_text(f"sku,price\n{number},10\n")
    packed = {".tar": [], ".tar.gz": ["-z"], ".tar.bz2": ["-j"], ".tar.xz": ["-J"], ".tar.zst": ["--zstd"]}[ending]
    scene = Scene(tmp_path, path=f"{tmp_path}/in/*{ending}", format="csv", zip_files="*.csv")
    path = scene.put(f"a{ending}", minutes=-30)
    files = ["one.csv", "two.csv", "two.txt"]
    subprocess.run(["tar", *packed, "-cf", path, "-C", tmp_path, *files], check=True)
    scene.age(path, -30)
    broken = scene.put(f"b{ending}", minutes=-30)
    content = path.read_bytes()
    broken.write_bytes(content[: 1100 if ending == ".tar" else len(content) // 2])
    scene.age(broken, -30)
    assert scene.run()[:2] == ["1", "2"]
    (problem,) = scene.problems("run1")
    assert f"b{ending}" in problem.reason


@pytest.mark.parametrize("path", ["/in/*.tar", "/in/*.tgz"])
def test_a_tar_archive_does_not_say_what_is_in_it(tmp_path: Path, path: str) -> None:
    scene = Scene(tmp_path, path=path)
    with pytest.raises(ValidationError, match="name it, such as format: csv"):
        _ = scene.route
    assert Scene(tmp_path, path=path, format="csv").route
    for named in ("/in/*.csv.tar.gz", "/in/*.csv.tar", "/in/*.csv.tgz"):
        assert Scene(tmp_path, path=named).route


def test_xml_that_breaks_off_in_the_middle_loses_nothing_before_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, xml={"record": "price"}, path=f"{tmp_path}/in/*.xml")
    record = "<price><sku>%s</sku></price>"
    (scene.inbox / "a.xml").write_text(f"<o>{record % 'A'}{record % 'B'}<price><sku>C</price>{record % 'D'}</o>")
    scene.age(scene.inbox / "a.xml", -10)
    assert scene.run() == ["A", "B"]
    (told,) = scene.problems("run1")
    assert "a.xml: the content is not XML" in told.reason
    assert "(the 2 records before it were taken)" in told.reason
    scene.put("a.xml", f"<o>{record % 'A'}{record % 'B'}{record % 'C'}{record % 'D'}</o>", header="", minutes=-5)
    assert scene.run() == ["A", "B", "C", "D"]
