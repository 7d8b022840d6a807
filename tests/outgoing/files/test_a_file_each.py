"""A file for each entity: named by it, refused alone, and neither lost nor doubled."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from file_target_scene import Scene

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError
from airflow_integrations.files.writing import FileWriter

ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]


def scene_of(folder: Path, name: str = "{{ key }}.json", **options: Any) -> Scene:
    return Scene(folder, per="entity", path=f"{folder}/out/{name}", format="json_lines", **options)


def test_each_entity_has_a_file_of_its_own(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, "{{ order.total }}-{{ key }}.jsonl", checksum="sha256")
    scene.run("one", ORDERS)
    names = [f"{order['total']}-{order['id']}.jsonl" for order in ORDERS]
    assert list(scene.files()) == sorted(names + [f"{name}.sha256" for name in names])
    assert json.loads(scene.files()["2.50-2.jsonl"]) == ORDERS[1]
    assert set(scene.statuses().values()) == {"delivered"}
    assert scene.hidden() == ["000001.closed.json"]
    scene.run("two", ORDERS[:2])
    assert len(scene.files()) == 10


HOSTILE = ["../9", "..", "a/b", "", " ", ".x", "x" * 300, "a\nb", "a\\b", "é" * 130, "/", "./../.integrations/x"]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_name_that_leaves_its_folder_or_is_none_is_refused_alone(tmp_path: Path, name: str) -> None:
    scene = scene_of(tmp_path, "{{ order.name | raw }}")
    scene.run("one", [{"id": 1, "name": "one"}, {"id": 2, "name": name}, {"id": 3, "name": "three"}])
    assert list(scene.files()) == ["one", "three"]
    assert scene.statuses() == {"1": "delivered", "2": "failed", "3": "delivered"}
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["out", "staging"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"done": ".done"}, "x" * 253),
        ({"checksum": "sha256"}, "x" * 250),
        ({"if_exists": "number"}, "x" * 254),
        ({"done": ".ok"}, "one.ok"),
        ({"checksum": "sha256"}, "one.sha256"),
        ({"if_exists": "replace"}, "folder"),
    ],
    ids=["done", "checksum", "number", "a_mark", "a_checksum", "a_folder"],
)
def test_a_name_whose_mark_or_place_is_impossible_holds_up_no_other(
    tmp_path: Path, options: dict[str, Any], name: str
) -> None:
    (tmp_path / "out" / "folder").mkdir(parents=True)
    scene = scene_of(tmp_path, "{{ order.name | raw }}", **options)
    entities = [{"id": 1, "name": "one"}, {"id": 2, "name": name}, {"id": 3, "name": "three"}]
    if options.get("if_exists") == "number":
        scene.run("before", [{"id": 0, "name": name}])
    scene.run("one", entities)
    found = scene.statuses()
    assert (found["1"], found["3"]) == ("delivered", "delivered")
    assert found["2"] in ("failed", "retrying")
    assert [json.loads(scene.files()[file])["id"] for file in ("one", "three")] == [1, 3]


def test_the_same_name_twice_in_a_run_is_refused_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(tmp_path, "{{ order.name }}.json", if_exists="replace")
    same = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "a"}]
    scene.run("one", same)
    assert scene.statuses() == {"1": "delivered", "2": "delivered", "3": "failed"}
    assert json.loads(scene.files()["a.json"])["id"] == 1
    other = scene_of(tmp_path / "b", "{{ order.name }}.json", if_exists="replace")
    run = other.begin("one", same)

    def away(*_: Any) -> None:
        raise OutageError("away")

    with monkeypatch.context() as patched:  # it stands there, and nobody knows
        patched.setattr("airflow_integrations.outgoing.files.target.FilesOutgoing._mark", away)
        other.stage(push, run)
    other.stage(settle, run)
    assert other.statuses() == {"1": "retrying", "2": "retrying", "3": "failed"}
    other.now += 86400
    other.run("two", None)
    assert other.statuses() == {"1": "delivered", "2": "delivered", "3": "failed"}
    assert json.loads(other.files()["a.json"])["id"] == 1


@pytest.mark.parametrize(
    ("rule", "files", "status"),
    [
        ("fail", {"1.json": 1}, "retrying"),
        ("replace", {"1.json": 2}, "delivered"),
        ("number", {"1.json": 1, "1-2.json": 2}, "delivered"),
    ],
)
def test_a_later_state(tmp_path: Path, rule: str, files: dict[str, int], status: str) -> None:
    scene = scene_of(tmp_path, if_exists=rule)
    scene.run("one", [{"id": 1, "state": 1}])
    scene.run("two", [{"id": 1, "state": 2}, {"id": 2, "state": 1}])
    found = {name: json.loads(content)["state"] for name, content in scene.files().items()}
    assert found == {**files, "2.json": 1}
    assert scene.statuses() == {"1": status, "2": "delivered"}
    both = scene_of(tmp_path / "b", if_exists=rule)
    both.run("one", [{"id": 1, "state": 1}, {"id": 1, "state": 2}])
    assert {name: json.loads(content)["state"] for name, content in both.files().items()} == files
    if rule == "fail":
        (scene.out / "1.json").unlink()
        scene.now += 86400
        scene.run("three", None)
        assert json.loads(scene.files()["1.json"])["state"] == 2


def test_a_sequence_counts_on_from_run_to_run_and_is_kept_by_a_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(tmp_path, "ORD{{ sequence }}.json", first=98)
    run = scene.begin("one", ORDERS[:2])

    def away(*_: Any, **__: Any) -> None:
        raise OutageError("away")

    with monkeypatch.context() as patched:
        patched.setattr(FileWriter, "rename", away)
        with pytest.raises(OutageError):
            scene.stage(push, run)
    scene.stage(push, run)
    scene.stage(settle, run)
    scene.run("two", ORDERS[2:3])
    found = {name: json.loads(content)["id"] for name, content in scene.files().items()}
    assert found == {"ORD98.json": 1, "ORD99.json": 2, "ORD100.json": 3}
    whole = Scene(tmp_path / "b", path=f"{tmp_path}/b/out/all_{{{{ sequence }}}}.jsonl", most=2)
    whole.run("one", ORDERS[:4])
    whole.run("two", ORDERS[4:])
    assert list(whole.files()) == ["all_1.jsonl", "all_2.jsonl", "all_3.jsonl"]


@pytest.mark.parametrize("per", ["run", "entity"])
def test_two_that_die_one_behind_the_other_write_nothing_twice(
    tmp_path: Path, per: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first before a file appears, the second while it tidies up behind that, the third behind its own file."""
    name = "{{ key }}" if per == "entity" else "orders"
    scene = Scene(tmp_path, per=per, path=f"{tmp_path}/out/{name}.jsonl", if_exists="number")
    run = scene.begin("one", ORDERS[:1])
    rename, remove = FileWriter.rename, FileWriter.remove

    def no_name(writer: FileWriter, path: str, to: str, **how: Any) -> bool:
        if to.endswith(".jsonl"):
            raise OutageError("killed")
        return rename(writer, path, to, **how)

    def no_removal(writer: FileWriter, path: str) -> None:
        if path.endswith(".dropped"):
            raise OutageError("killed")
        remove(writer, path)

    def no_end(*_: Any) -> None:
        raise OutageError("killed")

    for owner, method, broken in (
        (FileWriter, "rename", no_name),
        (FileWriter, "remove", no_removal),
        (FileWriter, "require", lambda *_: None),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(owner, method, broken)
            if method == "require":
                patched.setattr("airflow_integrations.outgoing.files.target.FilesOutgoing._mark", no_end)
            with pytest.raises(OutageError, match="killed"):
                scene.stage(push, run)
    scene.stage(push, run)
    scene.stage(settle, run)
    assert scene.lines() == ORDERS[:1]
    assert set(scene.statuses().values()) == {"delivered"}


def test_each_file_of_edifact_has_a_number_of_its_own(tmp_path: Path) -> None:
    edifact = {"sender": "a", "recipient": "b", "message": {"type": "ORDERS"}}
    scene = Scene(tmp_path, per="entity", path=f"{tmp_path}/out/{{{{ key }}}}.edi", format="edifact", edifact=edifact)
    scene.run("one", [{"id": number, "segments": [["BGM", "220", str(number)]]} for number in (1, 2)])
    assert [content.split(b"+")[-1] for content in scene.files().values()] == [b"1'", b"2'"]


def test_memory_is_flat_and_few_files_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_integrations.outgoing.files.target.TOGETHER", 50)
    scene = scene_of(tmp_path)
    scene.more = {"delivery": {"batch": 10}}
    run = scene.begin("one", [{"id": number, "text": "x" * 50_000} for number in range(70)])
    tracemalloc.start()
    scene.stage(push, run)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(scene.files()) == 70
    assert most < 6_000_000
    assert scene.hidden() == ["000001.closed.json", "000051.closed.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "/out/{{ order.id }}.json", "per": "run"}, "write per: entity"),
        ({"path": "/out/orders.json", "per": "entity"}, "every entity has this name"),
        ({"path": "/out/{{ ordr.id }}.json", "per": "entity"}, "ordr"),
    ],
    ids=str,
)
def test_mistakes_are_told(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    from pydantic import ValidationError

    from airflow_integrations.errors import RouteError
    from airflow_integrations.route.check import check

    scene = Scene(tmp_path, **options)
    with pytest.raises((ValidationError, RouteError), match=message):
        check(scene.route)
