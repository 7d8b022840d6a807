"""Files that are written encrypted with OpenPGP: the partner's gpg reads them."""

from __future__ import annotations

import gzip
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from file_target_scene import Scene
from pgp_keys import HAS_GPG, Partner, the_partner
from pydantic import ValidationError

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.writing import FileWriter

ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]


@pytest.fixture(scope="module")
def partner() -> Partner:
    if not HAS_GPG:
        pytest.skip("gpg is not installed here: apt install gnupg")
    return the_partner()


def scene_of(partner: Partner, folder: Path, name: str, place: Any = None, **outgoing: Any) -> Scene:
    pgp = {"connection": "bank_pgp", **outgoing.pop("pgp", {})}
    return Scene(folder, {"bank_pgp": place or partner.place()}, path=f"{folder}/out/{name}", pgp=pgp, **outgoing)


def test_one_file_of_a_run(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path, "orders.jsonl.gz.pgp", pgp={"sign": True}, checksum="sha256", done=".done")
    scene.run("one", ORDERS)
    files = scene.files()
    assert list(files) == [f"orders.jsonl.gz.pgp{mark}" for mark in ("", ".done", ".sha256")]
    written = files["orders.jsonl.gz.pgp"]
    assert [json.loads(line) for line in gzip.decompress(partner.decrypted(written)).splitlines()] == ORDERS
    assert hashlib.sha256(written).hexdigest().encode() in files["orders.jsonl.gz.pgp.sha256"]
    assert set(scene.statuses().values()) == {"delivered"}


def test_a_file_for_each_entity(partner: Partner, tmp_path: Path) -> None:
    scene = scene_of(partner, tmp_path, "{{ key }}.json.asc", per="entity")
    scene.run("one", [*ORDERS, {"id": "a/b", "total": "1"}])
    files = scene.files()
    assert len(files) == 5
    assert files["3.json.asc"].startswith(b"-----BEGIN PGP MESSAGE-----")
    assert json.loads(partner.decrypted(files["3.json.asc"])) == [ORDERS[2]]
    assert scene.statuses()["a/b"] == "failed"


def test_an_attempt_that_goes_on_writes_none_twice(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(partner, tmp_path, "orders.jsonl.pgp", most=2)
    run, calls = scene.begin("one", ORDERS), []
    rename = FileWriter.rename

    def cut(self: FileWriter, *arguments: Any, **named: Any) -> bool:
        calls.append(arguments)
        if len(calls) == 3:
            raise OutageError("away")
        done = rename(self, *arguments, **named)
        if len(calls) == 2:
            raise OutageError("it was renamed, and nobody heard of it")
        return done

    monkeypatch.setattr(FileWriter, "rename", cut)
    for _ in range(3):
        with suppress(OutageError):
            scene.stage(push, run)
    scene.stage(settle, run)
    scene.now += 2 * 86400
    scene.outgoing["if_exists"] = "number"
    scene.run("two", None)
    assert len(calls) > 3
    lines = [line for content in scene.files().values() for line in partner.decrypted(content).splitlines()]
    assert sorted(json.loads(line)["id"] for line in lines) == [1, 2, 3, 4, 5]
    assert set(scene.statuses().values()) == {"delivered"}


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"public_key": None}, "has no public_key"),
        ({"private_key": None}, "has no private_key"),
        ({"password": "wrong"}, "not the passphrase"),
    ],
)
def test_nothing_is_written_where_keys_are_wrong(
    partner: Partner, tmp_path: Path, place: dict[str, Any], why: str
) -> None:
    scene = scene_of(partner, tmp_path, "orders.jsonl.pgp", partner.place(**place), pgp={"sign": True})
    run = scene.begin("one", ORDERS)
    with pytest.raises(SetupError, match=why):
        scene.stage(push, run)
    assert not scene.files()
    assert not scene.hidden()


def test_a_key_that_has_expired_encrypts_nothing(partner: Partner, tmp_path: Path) -> None:
    old = ["--faked-system-time", "20200101T000000", "--passphrase", "", "--quick-gen-key"]
    partner.gpg(*old, "expired@example.com", "default", "default", "1d")
    scene = scene_of(partner, tmp_path, "orders.jsonl.pgp", partner.place(public_key=partner.public("expired")))
    run = scene.begin("one", ORDERS)
    with pytest.raises(SetupError, match="has expired"):
        scene.stage(push, run)
    assert not scene.files()


def test_an_ending_of_encrypted_files_without_keys_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="write pgp"):
        _ = Scene(tmp_path, path=f"{tmp_path}/out/orders.jsonl.pgp", format="json_lines").route
