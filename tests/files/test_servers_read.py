"""Files that are read on servers nobody here wrote: SFTP, FTP and SMB. What would lose or double an entity there?"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from files_scene import Scene
from ftp_server import FtpServer
from sftp_server import SftpServer
from smb_server import SmbServer

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.smb import NOT_IN_NAMES
from airflow_integrations.files.store import FileStore

Answering = SftpServer | FtpServer
Server = Answering | SmbServer
ODD = [
    "a b.csv",
    "#1.csv",
    "%41.csv",
    "ü.csv",
    "-rf.csv",
    "back\\slash.csv",
    "[1].csv",
    "q?x.csv",
    "'q\".csv",
    "x;y.csv",
]


def scene_of(folder: Path, server: Server, **incoming: Any) -> Scene:
    scene = Scene(folder, {"partner": server.place()}, connection="partner", **incoming)
    scene.incoming["path"] = server.at(folder / "in") + "/*.csv"
    return scene


def test_files_of_odd_names_are_read_once_and_moved(tmp_path: Path, server: Server) -> None:
    scene = scene_of(tmp_path, server, after={"move": "done"})
    odd = [name for name in ODD if not (isinstance(server, SmbServer) and NOT_IN_NAMES & set(name))]
    for number, name in enumerate(odd):
        scene.put(name, f"{number},1")
    assert sorted(scene.run()) == sorted(map(str, range(len(odd))))
    assert scene.names() == sorted(f"done/{name}" for name in odd)
    scene.put(odd[0], "0,2")
    assert scene.run() == ["0"]
    assert len(scene.names()) == len(odd) + 1


def test_a_name_that_cannot_be_written_down_is_told_and_stops_no_other(tmp_path: Path, server: Server) -> None:
    scene = scene_of(tmp_path, server, after="delete")
    scene.put("a.csv", "1,10")
    scene.put("b\nc.csv", "2,20")
    if isinstance(server, SftpServer):  # pyftpdlib lists such names with question marks
        (scene.inbox / os.fsdecode(b"\xff.csv")).write_text("sku,price\n3,30\n")
    assert scene.run()[0] == "1"
    told = [problem.reason for problem in scene.problems("run1")]
    if isinstance(server, SftpServer):
        assert len(told) == 2
        assert all("line breaks, or is not in UTF-8" in reason for reason in told)
    assert not (scene.inbox / "a.csv").exists()


def test_a_list_that_fails_is_an_outage_and_not_nothing(tmp_path: Path, answering: Answering) -> None:
    scene = scene_of(tmp_path, answering)
    scene.incoming["path"] = answering.at(tmp_path / "in") + "/**/*.csv"
    scene.put("day/a.csv", "1,10")
    if isinstance(answering, SftpServer):

        def refuse(name: str, path: Any) -> None:
            if name == "scandir" and path.endswith(b"day"):
                raise asyncssh.SFTPFailure("too many open files")

        answering.fail = refuse
    else:
        calls = iter([None])
        answering.answer = lambda command, argument: (
            "450 too many connections" if command == "MLSD" and next(calls, 1) else None
        )
    with pytest.raises(OutageError, match="too many"):
        scene.run()
    answering.fail = answering.answer = lambda *_: None  # type: ignore[union-attr]
    assert scene.run() == ["1"]


def test_a_folder_that_must_not_be_listed_is_an_outage(tmp_path: Path, ftp: FtpServer) -> None:
    scene = scene_of(tmp_path, ftp)
    scene.put("a.csv", "1,10")
    ftp.answer = lambda command, argument: "550 Permission denied." if command == "MLSD" else None
    with pytest.raises(OutageError, match="cannot be listed"):
        scene.run()


def test_a_connection_that_is_cut_in_the_middle_of_a_file(
    tmp_path: Path, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.engine.fetch.at_work.COMMIT_SECONDS", -1.0)
    scene = scene_of(tmp_path, answering, after={"move": "done"})
    keys = [f"{number:0100d}" for number in range(6_000)]
    scene.put("a.csv", *(f"{key},1" for key in keys))
    if isinstance(answering, SftpServer):
        cuts = [lambda: answering.cut()]

        def cut(name: str, at: Any) -> None:
            if name == "read" and at > 400_000 and cuts:
                cuts.pop()()

        answering.fail = cut
    else:
        answering.cut = 400_000
    run = scene.new_run()
    with pytest.raises(OutageError):
        scene.stage("fetch", run)
    manifest = scene.staging(run.run_id).manifest("fetch")
    assert manifest is not None
    assert 0 < manifest.resume["passed"] < len(keys)
    for stage in ("fetch", "transform", "push", "settle"):
        assert (scene.inbox / "a.csv").exists()
        scene.stage(stage, run)
    assert scene.keys(run.run_id) == keys
    assert scene.names() == ["done/a.csv"]


def test_an_end_that_comes_too_early_is_none(tmp_path: Path, sftp: SftpServer) -> None:
    scene = scene_of(tmp_path, sftp, after="delete")
    scene.put("a.csv", *(f"{number:0250d},1" for number in range(2_000)))
    sftp.fail = lambda name, at: b"" if name == "read" and at > 200_000 else None
    with pytest.raises(OutageError, match="bytes too early"):
        scene.stage("fetch", scene.new_run())
    sftp.fail = lambda name, at: None
    assert len(scene.run()) == 2_000


def test_a_file_that_is_replaced_under_its_name_is_another_one(tmp_path: Path, server: Server) -> None:
    scene = scene_of(tmp_path, server)
    scene.put("a.csv", "1,10")
    assert scene.run() == ["1"]
    assert scene.run() == []
    scene.put("a.csv", "1,11")
    assert scene.run() == ["1"]
    growing = scene.put("b.csv", "2,20", minutes=0)
    scene.meanwhile = lambda: scene.age(growing, 0.1)
    assert scene.run() == []
    assert scene.run() == ["2"]


def test_a_marker_on_a_server(tmp_path: Path, server: Server) -> None:
    scene = scene_of(tmp_path, server, settled={"marker": ".done"}, after={"move": "read"})
    scene.put("a.csv", "1,10")
    assert scene.run() == []
    scene.put("a.csv.done", minutes=-5)
    assert scene.run() == ["1"]
    assert scene.names() == ["read/a.csv"]


def test_a_wrong_password_is_a_matter_of_setup_and_a_server_that_is_away_is_not(tmp_path: Path, server: Server) -> None:
    scene = scene_of(tmp_path, server)
    scene.put("a.csv", "1,10")
    store = FileStore(scene.incoming["path"], server.place())
    with pytest.raises(SetupError, match="refuses the login; check login") as refused:
        FileStore(scene.incoming["path"], server.place(password="wr0ng"))
    assert "wr0ng" not in str(refused.value)
    server.stop()
    with pytest.raises(OutageError):
        store.list()
    with pytest.raises(OutageError, match="cannot be reached"):
        scene.run()
    server.start()
    assert scene.run() == ["1"]  # what was lost is not kept


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, sftp: SftpServer) -> None:
    for server in (sftp, None):
        folder = tmp_path / ("disk" if server is None else "server")
        scene = Scene(folder) if server is None else scene_of(folder, server)
        (folder / "secret.csv").write_text("sku,price\n7,70\n")
        scene.put("a.csv", "1,10")
        (scene.inbox / "in.csv").symlink_to("a.csv")
        (scene.inbox / "out.csv").symlink_to("../secret.csv")
        os.mkfifo(scene.inbox / "pipe.csv")
        scene.now = scene.now.replace(year=2036)
        assert scene.run(kind="manual") == ["1", "1"]
        (problem,) = scene.problems("run1")
        assert "leads out of the folder" in problem.reason
        assert scene.run() == []
        assert scene.problems("run2") == []


def test_a_disk_has_circles_and_names_that_cannot_be_written_down(tmp_path: Path) -> None:
    scene = Scene(tmp_path, path=f"{tmp_path}/in/**/*.csv")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.csv").write_text("sku,price\n7,70\n")
    scene.put("a.csv", "1,10")
    (scene.inbox / "again").symlink_to(scene.inbox)
    (scene.inbox / "other").symlink_to(tmp_path / "other")
    (scene.inbox / "gone.csv").symlink_to(tmp_path / "nothing.csv")
    (scene.inbox / os.fsdecode(b"\xff.csv")).write_text("sku,price\n3,30\n")
    scene.now = scene.now.replace(year=2036)
    assert set(scene.run()) == {"1"}
    told = [problem.reason for problem in scene.problems("run1")]
    assert len(told) == 2
    assert sum("not in UTF-8" in reason for reason in told) == 1
    assert sum("a link to nothing" in reason for reason in told) == 1


def test_names_that_lead_elsewhere_are_no_files(tmp_path: Path, sftp: SftpServer, caplog: Any) -> None:
    scene = scene_of(tmp_path, sftp)
    (tmp_path / "evil.csv").write_text("sku,price\n9,90\n")
    scene.put("a.csv", "1,10")
    hostile = [b"../evil.csv", str(tmp_path / "evil.csv").encode(), b"..", b"", b"x\0.csv"]
    sftp.fail = lambda name, path: hostile if name == "names" else None
    assert scene.run() == ["1"]
    assert "not the name of a file" in caplog.text


def test_the_work_for_many_files_is_in_proportion(tmp_path: Path, ftp: FtpServer) -> None:
    scene = scene_of(tmp_path, ftp, after={"move": "done"})
    for number in range(150):
        scene.put(f"{number}.csv", f"{number},1")
    assert len(scene.run()) == 150
    assert len(scene.names()) == 150
    assert len(ftp.commands) < 150 * 14
    assert sum(command.startswith(("MLSD", "LIST")) for command in ftp.commands) < 10
    assert sum(command.startswith("PASS") for command in ftp.commands) < 10


def test_requests_do_not_wait_for_each_other(tmp_path: Path, sftp: SftpServer) -> None:
    """Without this option writing took 1.4 s a megabyte, on one machine: 40 ms for each request of 32 KB."""
    store = FileStore(sftp.at(tmp_path) + "/*", sftp.place())
    socket_of: Any = store._fs._client.get_transport().sock
    assert socket_of.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
