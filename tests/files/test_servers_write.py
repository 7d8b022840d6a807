"""Files that are written on servers nobody here wrote: each appears once, as a whole, whatever breaks on the way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from file_target_scene import Scene
from ftp_server import FtpServer
from sftp_server import SftpServer
from smb_server import SmbServer

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError
from airflow_integrations.files.writing import FileWriter

Answering = SftpServer | FtpServer
Server = Answering | SmbServer
ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]


def scene_of(folder: Path, server: Server, **outgoing: Any) -> Scene:
    scene = Scene(folder, {"partner": server.place()}, connection="partner", **outgoing)
    scene.outgoing["path"] = server.at(scene.out) + "/orders #1 ü.jsonl"
    return scene


def settled(scene: Scene, run: Any) -> None:
    scene.stage(push, run)
    scene.stage(settle, run)
    assert list(scene.files()) == ["orders #1 ü.jsonl"]
    assert scene.lines() == ORDERS
    assert set(scene.statuses().values()) == {"delivered"}


def test_a_file_with_its_marks(tmp_path: Path, server: Server) -> None:
    scene = scene_of(tmp_path, server, done=".done", checksum="sha256")
    scene.run("one", ORDERS)
    files = scene.files()
    assert list(files) == ["orders #1 ü.jsonl", "orders #1 ü.jsonl.done", "orders #1 ü.jsonl.sha256"]
    digest = hashlib.sha256(files["orders #1 ü.jsonl"]).hexdigest()
    assert files["orders #1 ü.jsonl.sha256"].decode() == f"{digest}  orders #1 ü.jsonl\n"
    assert scene.hidden() == ["000001.closed.json"]


@pytest.mark.parametrize("rule", ["fail", "number", "replace"])
def test_a_file_that_is_there(tmp_path: Path, server: Server, rule: str) -> None:
    scene = scene_of(tmp_path, server, if_exists=rule)
    scene.run("one", ORDERS[:2])
    run = scene.begin("two", ORDERS[2:])
    if rule == "fail":
        with pytest.raises(OutageError, match="is there already"):
            scene.stage(push, run)
        assert scene.lines() == ORDERS[:2]
        return
    scene.stage(push, run)
    assert len(scene.files()) == (2 if rule == "number" else 1)
    assert sorted(line["id"] for line in scene.lines()) == ([1, 2, 3, 4, 5] if rule == "number" else [3, 4, 5])


@pytest.fixture
def plain_sftp(tmp_path: Path) -> Iterator[SftpServer]:
    server = SftpServer(tmp_path, posix_rename=False)
    yield server
    server.end()


def test_a_server_that_cannot_rename_over_a_file(tmp_path: Path, plain_sftp: SftpServer, ftp: FtpServer) -> None:
    for server in (plain_sftp, ftp):
        scene = scene_of(tmp_path / type(server).__name__, server, if_exists="replace")
        if isinstance(server, FtpServer):
            ftp.answer = lambda command, argument, out=scene.out: (  # type: ignore[misc]
                "550 File exists." if command == "RNTO" and (out / argument.rpartition("/")[2]).exists() else None
            )
        scene.run("one", ORDERS[:2])
        scene.run("two", ORDERS[2:])
        assert scene.lines() == ORDERS[2:]


def test_somebody_was_faster(tmp_path: Path, sftp: SftpServer) -> None:
    """A file of the same name appears between our look and our rename: SFTP's rename does not replace it."""
    scene = scene_of(tmp_path, sftp, if_exists="number")
    theirs = scene.out / "orders #1 ü.jsonl"

    def appear(name: str, path: Any) -> None:
        if name == "rename" and not theirs.exists():
            theirs.write_bytes(b"theirs")

    sftp.fail = appear
    run = scene.begin("one", ORDERS)
    with pytest.raises(OutageError):
        scene.stage(push, run)
    scene.stage(push, run)
    assert theirs.read_bytes() == b"theirs"
    assert len(scene.files()) == 2


@pytest.mark.parametrize("when", ["write", "close", "rename", "renamed", "remove"])
def test_a_connection_that_is_cut_anywhere(tmp_path: Path, sftp: SftpServer, when: str) -> None:
    """Also after the server has done it, and nobody heard."""
    scene = scene_of(tmp_path, sftp)
    for number in (1, 2):  # of the file itself, and of its receipt
        (folder := tmp_path / str(number)).mkdir()
        scene = scene_of(folder, sftp, done=".done")
        run = scene.begin("one", ORDERS)
        left = [number]

        def cut(name: str, path: Any, left: list[int] = left) -> None:
            if name == when:
                left[0] -= 1
                if not left[0]:
                    sftp.cut()

        sftp.fail = cut
        try:
            scene.stage(push, run)
        except OutageError:
            sftp.fail = lambda name, path: None
            scene.stage(push, run)
        scene.stage(settle, run)
        assert scene.lines() == ORDERS
        assert list(scene.files()) == ["orders #1 ü.jsonl", "orders #1 ü.jsonl.done"]
        assert set(scene.statuses().values()) == {"delivered"}


@pytest.mark.parametrize(
    ("what", "done"),
    [("STOR", False), ("RNTO", False), *((what, True) for what in ("RNTO", "MLST", "CWD", "MLSD", "DELE"))],
)
def test_commands_that_fail_for_now(tmp_path: Path, ftp: FtpServer, what: str, done: bool) -> None:
    """``done``: an earlier attempt had written the file and died: a server in trouble must not hide that."""
    scene = scene_of(tmp_path, ftp)
    run = scene.begin("one", ORDERS)
    if done:
        with pytest.MonkeyPatch.context() as patched:

            def died(*_: Any) -> None:
                raise OutageError("died")

            patched.setattr(FileWriter, "require", lambda self, path, size: died() if "#1" in path else None)
            with pytest.raises(OutageError, match="died"):
                scene.stage(push, run)
    failed: list[str] = []

    def fail(command: str, argument: str) -> str | None:
        if command != what or len(failed) > 1:
            return None
        failed.append(command)
        return "450 busy" if len(failed) == 1 else "421 goodbye"

    ftp.answer = fail
    for _ in range(3):
        try:
            scene.stage(push, run)
            break
        except OutageError:
            continue
    ftp.answer = lambda command, argument: None
    settled(scene, run)


def test_a_disk_that_is_full_says_so_when_the_file_is_closed(tmp_path: Path, sftp: SftpServer) -> None:
    scene = scene_of(tmp_path, sftp)
    run = scene.begin("one", ORDERS)

    def full(name: str, path: Any) -> None:
        if name == "close" and path.endswith(b".part"):
            raise asyncssh.SFTPFailure("No space left on device")

    sftp.fail = full
    with pytest.raises(OutageError, match="No space left"):
        scene.stage(push, run)
    assert scene.files() == {}
    sftp.fail = lambda name, path: None
    settled(scene, run)


def test_a_full_disk_of_ftp(tmp_path: Path, ftp: FtpServer) -> None:
    scene = scene_of(tmp_path, ftp)
    run = scene.begin("one", ORDERS)
    ftp.answer = lambda command, argument: "552 Exceeded storage allocation." if command == "STOR" else None
    with pytest.raises(OutageError, match="552 Exceeded storage"):
        scene.stage(push, run)
    ftp.answer = lambda command, argument: None
    settled(scene, run)


def test_a_file_that_stands_there_with_another_size(tmp_path: Path, sftp: SftpServer) -> None:
    scene = scene_of(tmp_path, sftp)
    run = scene.begin("one", ORDERS)

    def shorten(name: str, path: Any) -> None:
        if name == "close" and path.endswith(b".part"):
            os.truncate(path, 7)

    sftp.fail = shorten
    with pytest.raises(OutageError, match="and it has 7 bytes"):
        scene.stage(push, run)
    assert scene.files() == {}
    sftp.fail = lambda name, path: None
    settled(scene, run)


def test_a_folder_that_must_not_be_written(tmp_path: Path, answering: Answering) -> None:
    scene = scene_of(tmp_path, answering)
    run = scene.begin("one", ORDERS)
    if isinstance(answering, SftpServer):

        def refuse(name: str, path: Any) -> None:
            if name == "open" and path.endswith(b".part"):
                raise asyncssh.SFTPPermissionDenied("read-only")

        answering.fail = refuse
    else:
        answering.answer = lambda command, argument: "550 read-only" if command == "STOR" else None
    with pytest.raises(OutageError, match="read-only"):
        scene.stage(push, run)
    answering.fail = answering.answer = lambda *_: None  # type: ignore[union-attr]
    settled(scene, run)


def test_what_was_taken_aside_is_not_taken_for_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt took the file away before it was renamed, and an older one of the same size stands there."""
    scene = Scene(tmp_path, if_exists="replace")
    scene.run("one", ORDERS[:1])
    run = scene.begin("two", [{"id": 1, "total": "9.50"}])
    inner = FileWriter.rename

    def gone(self: FileWriter, path: str, to: str, **more: bool) -> bool:
        if path.endswith(".part"):
            Path(path).rename(f"{path}.dropped")
        return inner(self, path, to, **more)

    with monkeypatch.context() as patched:
        patched.setattr(FileWriter, "rename", gone)
        with pytest.raises(OutageError, match="somebody has taken"):
            scene.stage(push, run)
    scene.stage(push, run)
    assert scene.lines() == [{"id": 1, "total": "9.50"}]
