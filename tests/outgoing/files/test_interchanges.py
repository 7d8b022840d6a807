"""Interchanges have numbers: each once, the same for each attempt, and seen in a store."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from file_target_scene import Scene

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError, RunError
from airflow_integrations.files.writing import FileWriter
from airflow_integrations.ledger import control_numbers
from airflow_integrations.ledger.control_numbers import STORE, reserve
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.store import put_value, read_values

X12 = {"sender": "US", "recipient": "THEM", "type": "850", "group": "PO", "first": 905}


def message(key: int) -> dict[str, Any]:
    return {"id": key, "segments": [["BEG", "00", "SA", str(key)]]}


def scene_of(folder: Path, **options: Any) -> Scene:
    return Scene(folder, path=f"{folder}/out/po.x12", format="x12", x12=X12, if_exists="number", **options)


def numbers(scene: Scene) -> dict[str, list[int]]:
    """Each file's control number, in ISA and in IEA."""
    return {
        name: [int(found) for found in re.findall(rb"[*](0[0-9]{8})[*~]", content)]
        for name, content in scene.files().items()
    }


def test_each_file_has_the_next_number(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, most=2)
    scene.run("one", [message(1), message(2), message(3)])
    scene.run("two", [message(4)])
    assert numbers(scene) == {"po.x12": [905, 905], "po-2.x12": [906, 906], "po-3.x12": [907, 907]}


def test_an_attempt_that_goes_on_has_the_same_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, rename, moments = scene_of(tmp_path), FileWriter.rename, iter((True, False))

    def away(self: FileWriter, source: str, target: str, **more: bool) -> bool:
        if not target.endswith(".dropped") and next(moments, False):
            raise OutageError("the server is away")
        return rename(self, source, target, **more)

    monkeypatch.setattr(FileWriter, "rename", away)
    run = scene.begin("one", [message(1)])
    with pytest.raises(OutageError):
        scene.stage(push, run)
    assert scene.files() == {}
    scene.now += 600
    scene.stage(push, run)
    scene.stage(settle, run)
    assert numbers(scene) == {"po.x12": [905, 905]}
    scene.run("two", [message(2)])
    assert numbers(scene)["po-2.x12"] == [906, 906]


def test_numbers_are_given_once_whoever_asks_at_the_same_time(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger, ThreadPoolExecutor(4) as threads:
        asked = [f"run{number % 20}" for number in range(40)]
        given = list(
            threads.map(lambda who: reserve(ledger, "p", who, route="r", first=1, most=999, now=1.0)[0], asked)
        )
    assert len(set(given)) == 20
    assert sorted(set(given)) == list(range(1, 21))
    assert given[:20] == given[20:]


def test_a_person_sets_the_next_number_and_the_last_is_followed_by_the_first(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_numbers, "REMEMBERED", 6)
    with Ledger.open(ledger_url) as ledger:

        def ask(holder: str) -> int:
            return reserve(ledger, "p", holder, route="r", first=1, most=999, now=1.0)[0]

        put_value(ledger, STORE, "p", b'{"next": 998}', by="ann", now=1.0)
        assert [ask("a"), ask("b"), ask("c"), ask("a")] == [998, 999, 1, 998]
        for number in range(9):
            ask(f"h{number}")
        (value,) = read_values(ledger, STORE, ["p"], 1.0).values()
        assert len(json.loads(value)["used"]) == 6
        put_value(ledger, STORE, "p", b'"4711"', by="ann", now=1.0)
        with pytest.raises(RunError, match="not a control number"):
            ask("d")
