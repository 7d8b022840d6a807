"""A run's archive with a file for each entity: whole, the same with each attempt, and refused file by file."""

from __future__ import annotations

import gc
import json
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from file_target_scene import Scene
from pydantic import ValidationError

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError
from airflow_integrations.outgoing.files.options import FilesOptions
from airflow_integrations.outgoing.files.target import FilesOutgoing
from airflow_integrations.route.definition import Route

ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]


def scene_of(folder: Path, member: str = "orders/{{ key }}.json", name: str = "a.zip", **options: Any) -> Scene:
    return Scene(folder, path=f"{folder}/out/{name}", member=member, **options)


def inside(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    found = {}
    with tarfile.open(path) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            assert content is not None
            found[entry.name] = content.read()
    return found


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_each_entity_is_a_file_in_the_archive(tmp_path: Path, name: str) -> None:
    scene = scene_of(tmp_path, name=name, checksum="sha256")
    scene.run("one", ORDERS)
    assert list(scene.files()) == [name, f"{name}.sha256"]
    found = inside(tmp_path / "out" / name)
    assert list(found) == [f"orders/{order['id']}.json" for order in ORDERS]
    assert json.loads(found["orders/2.json"]) == [ORDERS[1]]
    assert set(scene.statuses().values()) == {"delivered"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_attempt_that_is_repeated_packs_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    scene = scene_of(tmp_path, name=name)
    run = scene.begin("one", ORDERS)
    written: list[bytes] = []

    def away(*_: Any) -> None:
        written.append((tmp_path / "out" / name).read_bytes())
        raise OutageError("away")

    with monkeypatch.context() as patched:  # it stands there, and nobody knows
        patched.setattr(FilesOutgoing, "_mark", away)
        with pytest.raises(OutageError):
            scene.stage(push, run)
    scene.stage(push, run)
    scene.stage(settle, run)
    assert list(scene.files()) == [name]
    assert (tmp_path / "out" / name).read_bytes() == written[0]
    assert set(scene.statuses().values()) == {"delivered"}
    other = scene_of(tmp_path / "again", name=name)
    other.run("one", ORDERS)
    assert (tmp_path / "again" / "out" / name).read_bytes() == written[0]


HOSTILE = ["../9", "..", "a/b", "", " ", ".x", "x" * 300, "a\nb", "a\\b", "/", "/etc/x", "./x", "one"]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_name_that_leaves_its_folder_or_is_taken_fails_alone(tmp_path: Path, name: str) -> None:
    scene = scene_of(tmp_path, "{{ order.name | raw }}", format="json_lines")
    scene.run("one", [{"id": 1, "name": "one"}, {"id": 2, "name": name}, {"id": 3, "name": "three"}])
    assert list(inside(tmp_path / "out" / "a.zip")) == ["one", "three"]
    assert scene.statuses() == {"1": "delivered", "2": "failed", "3": "delivered"}


def test_an_entity_that_cannot_be_written_leaves_nothing_in_it(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, "{{ key }}.csv", csv={"encoding": "cp1252"})
    scene.run("one", [{"id": 1, "name": "one"}, {"id": 2, "name": "中"}, {"id": 3, "name": "é"}])
    assert inside(tmp_path / "out" / "a.zip") == {"1.csv": b"id,name\r\n1,one\r\n", "3.csv": b"id,name\r\n3,\xe9\r\n"}
    assert scene.statuses()["2"] == "failed"


def test_interchanges_in_an_archive_have_numbers_and_recipients_of_their_own(tmp_path: Path) -> None:
    edifact = {"sender": "ME", "message": {"type": "CONTRL", "version": "D", "release": "3"}}
    scene = scene_of(tmp_path, "{{ key }}.edi", format="edifact", edifact=edifact)
    segments = [["BGM", "220"]]
    scene.run("one", [{"id": number, "recipient": to, "segments": segments} for number, to in enumerate("ABA", 1)])
    heads = [content.decode().split("'")[1].split("+") for content in inside(tmp_path / "out" / "a.zip").values()]
    assert [(head[3], head[5]) for head in heads] == [("A", "1"), ("B", "1"), ("A", "2")]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_one_that_is_given_up_complains_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    scene = scene_of(tmp_path, name=name)
    run = scene.begin("one", ORDERS)
    complaints: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)

    def away(*_: Any) -> None:
        raise OutageError("away")

    with monkeypatch.context() as patched:
        patched.setattr(FilesOutgoing, "publish", away)
        with pytest.raises(OutageError):
            scene.stage(push, run)
    gc.collect()
    assert complaints == []
    scene.stage(push, run)
    assert len(inside(tmp_path / "out" / name)) == 5


def test_memory_is_flat_in_what_the_files_hold(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, name="a.tar.gz")
    run = scene.begin("one", [{"id": number, "text": "x" * 100_000} for number in range(300)])
    tracemalloc.start()
    try:
        scene.stage(push, run)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert len(inside(tmp_path / "out" / "a.tar.gz")) == 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "/out/a.csv", "member": "{{ key }}.csv"}, r"member needs a path that ends in .zip or .tar.gz"),
        ({"path": "/out/a.csv.gz", "member": "{{ key }}.csv"}, r"member needs a path that ends in .zip or .tar.gz"),
        ({"path": "/out/{{ key }}.zip", "member": "{{ key }}.csv", "per": "entity"}, "and per: run"),
        ({"path": "/out/a.zip", "member": "{{ key }}"}, "the ending of path says nothing of the format"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FilesOptions.model_validate(options)


@pytest.mark.parametrize("member", ["all.csv", "{{ window.end | date }}.csv", "{{ key }}{{ sequence }}.csv"])
def test_a_name_that_all_would_have_is_a_mistake(member: str) -> None:
    options = FilesOptions.model_validate({"path": "/out/a.zip", "member": member})
    route = Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"none": {}},
            "trigger": {"webhook": {"path": "x", "verify": "none"}},
            "outgoing": {"none": {}},
        }
    )
    assert [loc for loc, _ in FilesOutgoing.mistakes(options, route)] == [("member",)]
