"""Encrypted files: what cannot be trusted is refused as a whole, told, and not counted as read."""

from __future__ import annotations

import asyncio
import bz2
import gzip
from pathlib import Path
from typing import Any

import pytest
from files_scene import Scene
from pgp_keys import HAS_GPG, Partner, the_partner
from pydantic import ValidationError

from airflow_integrations.errors import AnswerError, SetupError
from airflow_integrations.incoming.files.source import FilesIncoming
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services

CSV = b"sku,price\nA,1\nB,2\n"


@pytest.fixture(scope="module")
def partner() -> Partner:
    if not HAS_GPG:
        pytest.skip("gpg is not installed here: apt install gnupg")
    return the_partner()


def scene_of(partner: Partner, folder: Path, **incoming: Any) -> Scene:
    usual = {"path": f"{folder}/in/*.pgp", "format": "csv", "pgp": {"connection": "bank_pgp"}}
    return Scene(folder, {"bank_pgp": partner.place()}, **{**usual, **incoming})


def put(scene: Scene, name: str, content: bytes, minutes: float = -10) -> Path:
    path = scene.inbox / name
    path.write_bytes(content)
    scene.age(path, minutes)
    return path


def test_they_are_read_once_and_put_away(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path, path=f"{tmp_path}/in/*", format="auto", after={"move": "read"})
    put(scene, "a.csv.pgp", partner.encrypted(CSV), -30)
    put(scene, "b.csv.gz.gpg", partner.encrypted(gzip.compress(b"sku,price\nC,3\n")), -20)
    put(scene, "c.jsonl.bz2.asc", partner.encrypted(bz2.compress(b'{"sku": "D"}\n'), "--armor"))
    assert scene.run() == ["A", "B", "C", "D"]
    assert sorted(path.name for path in (scene.inbox / "read").iterdir()) == [
        "a.csv.pgp",
        "b.csv.gz.gpg",
        "c.jsonl.bz2.asc",
    ]
    assert scene.run() == []


def test_one_that_is_refused_holds_no_other_back_and_is_read_once_it_can_be(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path, after="delete")
    bad = put(scene, "bad.csv.pgp", partner.encrypted(CSV, by="stranger"), -30)
    put(scene, "good.csv.pgp", partner.encrypted(b"sku,price\nC,3\n"))
    for fetched in (["C"], []):  # told by each run, for nobody knows that it was mended
        assert scene.run() == fetched
        (problem,) = scene.problems(f"run{scene.runs}")
        assert "bad.csv.pgp: it is signed with the key" in problem.reason
        assert bad.exists()
    scene.places = type(scene.places)({"bank_pgp": partner.place(public_key=partner.public("partner", "stranger"))})
    assert scene.run() == ["A", "B"]
    assert not bad.exists()
    assert scene.run() == []


def test_nothing_is_taken_of_one_that_was_changed_at_its_end(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path)
    rows = b"sku,price\n" + b"".join(b"K%d,%d\n" % (number, number * 7919 % 9973) for number in range(30_000))
    message = bytearray(partner.encrypted(rows, "-z", "0"))
    message[-30] ^= 1
    put(scene, "a.csv.pgp", bytes(message))
    assert scene.run() == []
    assert len(scene.problems("run1")) == 1


def test_the_fetch_fails_where_the_route_says_so(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path, bad_records="fail")
    put(scene, "a.csv.pgp", partner.encrypted(CSV, by=None))
    with pytest.raises(AnswerError, match="it is not signed"):
        scene.stage("fetch", scene.new_run())


def test_a_wrong_passphrase_fails_the_task_and_loses_nothing(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path)
    right, wrong = scene.places, type(scene.places)({"bank_pgp": partner.place(password="wrong")})
    put(scene, "a.csv.pgp", partner.encrypted(CSV))
    run = scene.new_run()
    scene.places = wrong
    with pytest.raises(SetupError, match="not the passphrase"):
        scene.stage("fetch", run)
    scene.places = right
    assert scene.stage("fetch", run).complete
    assert scene.keys(run.run_id) == ["A", "B"]


def test_keys_are_asked_for_before_the_first_file(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path)
    scene.places = type(scene.places)({"bank_pgp": partner.place(public_key=None)})
    assert "public_key" in _online(scene)
    scene.incoming["pgp"] = {"connection": "bank_pgp", "signed": False}
    assert _online(scene) == ""


def _online(scene: Scene) -> str:
    async def ask() -> None:
        async with Services(scene.places, ledger=scene.ledger) as services:
            route = scene.route
            await FilesIncoming.check_online(route.incoming.config, route, services)

    try:
        asyncio.run(ask())
    except SetupError as error:
        return str(error)
    return ""


def test_an_ending_of_encrypted_files_without_keys_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="write pgp"):
        Route.load(
            {
                "route": "prices",
                "entity": {"name": "price", "key": "price.sku"},
                "incoming": {"files": {"path": "/in/*.csv.pgp"}},
                "outgoing": {"none": {}},
            }
        )
