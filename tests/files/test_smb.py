"""What is particular about shares: whose session it is, Windows' names, and a server that is killed anywhere."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import file_target_scene
import files_scene
import pytest
from smb_server import LACKS_SMB, PASSWORD, SHARE, SmbServer

from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files import smb, smb_login
from airflow_integrations.files.opening import opened
from airflow_integrations.files.smb_login import SmbLogin
from airflow_integrations.files.store import FileStore

pytestmark = pytest.mark.skipif(LACKS_SMB is not None, reason=LACKS_SMB or "")
ORDERS = [{"id": number, "total": f"{number}.50"} for number in range(1, 6)]


def reading(folder: Path, server: SmbServer, **incoming: Any) -> files_scene.Scene:
    scene = files_scene.Scene(folder, {"partner": server.place()}, connection="partner", **incoming)
    scene.incoming["path"] = server.at(folder / "in") + "/*.csv"
    return scene


def writing(folder: Path, server: SmbServer, name: str = "orders.jsonl", **outgoing: Any) -> file_target_scene.Scene:
    scene = file_target_scene.Scene(folder, {"partner": server.place()}, connection="partner", **outgoing)
    scene.outgoing["path"] = f"{server.at(scene.out)}/{name}"
    return scene


def test_a_server_that_dies_in_the_middle_of_a_file(
    tmp_path: Path, smb: SmbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.engine.fetch.at_work.COMMIT_SECONDS", -1.0)
    scene = reading(tmp_path, smb, after={"move": "done"})
    keys = [f"{number:0100d}" for number in range(40_000)]
    scene.put("a.csv", *(f"{key},1" for key in keys))
    reads, left = _reads(), [3]

    def killed(self: Any, buffer: Any) -> int:
        left[0] -= 1
        if not left[0]:
            smb.stop()
        return reads(self, buffer)

    monkeypatch.setattr("airflow_integrations.files.smb._Reading.readinto", killed)
    run = scene.new_run()
    with pytest.raises(OutageError):
        scene.stage("fetch", run)
    smb.start()
    manifest = scene.staging(run.run_id).manifest("fetch")
    assert manifest is not None
    assert 0 < manifest.resume["passed"] < len(keys)
    for stage in ("fetch", "transform", "push", "settle"):
        scene.stage(stage, run)
    assert scene.keys(run.run_id) == keys
    assert scene.names() == ["done/a.csv"]


def _reads() -> Callable[[Any, Any], int]:
    return smb._Reading.readinto


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("what", ["_writing", "mv", "rm_file"])
def test_a_server_that_dies_at_any_step(
    tmp_path: Path, smb: SmbServer, monkeypatch: pytest.MonkeyPatch, what: str, after: bool
) -> None:
    """Also after it has done it, and nobody heard. ``after`` a write is before its content is closed."""
    scene = writing(tmp_path, smb, done=".done")
    run = scene.begin("one", ORDERS)
    does, left = getattr(_class(), what), [1]

    def dies(self: Any, *given: Any, **more: Any) -> Any:
        left[0] -= 1
        if not left[0] and not after:
            smb.stop()
        told = does(self, *given, **more)
        if not left[0] and after:
            smb.stop()
        return told

    monkeypatch.setattr(f"airflow_integrations.files.smb.SmbFiles.{what}", dies)
    try:
        scene.stage(push, run)
    except OutageError:
        smb.start()
        scene.stage(push, run)
    else:
        smb.start()
    scene.stage(settle, run)
    assert scene.lines() == ORDERS
    assert list(scene.files()) == ["orders.jsonl", "orders.jsonl.done"]
    assert set(scene.statuses().values()) == {"delivered"}


def _class() -> type[smb.SmbFiles]:
    return smb.SmbFiles


@pytest.mark.parametrize("name", ["a:b", "a|b", "x?", 'x"', "<x>", "x*", "end.", "end "])
def test_a_name_that_a_share_has_not_is_refused_alone(tmp_path: Path, smb: SmbServer, name: str) -> None:
    scene = writing(tmp_path, smb, "{{ order.name | raw }}", per="entity", format="json_lines")
    scene.run("one", [{"id": 1, "name": "one"}, {"id": 2, "name": name}, {"id": 3, "name": "three"}])
    assert list(scene.files()) == ["one", "three"]
    assert scene.statuses() == {"1": "delivered", "2": "failed", "3": "delivered"}


@pytest.mark.parametrize("rule", ["fail", "number", "replace"])
def test_names_that_differ_by_case_are_one_file(tmp_path: Path, smb: SmbServer, rule: str) -> None:
    scene = writing(tmp_path, smb, "{{ order.name }}.jsonl", per="entity", format="json_lines", if_exists=rule)
    scene.run("one", [{"id": 1, "name": "Smith"}, {"id": 2, "name": "SMITH"}])
    assert scene.files() == {"Smith.jsonl": b'{"id":1,"name":"Smith"}\n'}
    assert scene.statuses() == {"1": "delivered", "2": "failed"}


def test_a_folder_of_odd_names_and_a_share_that_is_not_there(tmp_path: Path, smb: SmbServer) -> None:
    scene = reading(tmp_path, smb)
    for name in ("no such share", "in", ""):
        scene.incoming["path"] = f"/{name}/*.csv" if name else "/*.csv"
        with pytest.raises(
            SetupError if not name else OutageError, match="names no share" if not name else "is not there"
        ):
            scene.run()
    scene.incoming["path"] = server_path = f"/{SHARE}/in/**/*.csv"
    scene.put("a.csv", "1,10")
    scene.put("deep/er/b.csv", "2,20")
    (scene.inbox / "out.csv").symlink_to("/etc/hostname")
    assert sorted(scene.run()) == ["1", "2"]
    assert [file.path for file in FileStore(server_path, smb.place()).list()] == [
        f"/{SHARE}/in/a.csv",
        f"/{SHARE}/in/deep/er/b.csv",
    ]


def test_a_session_is_the_connections_own(smb: SmbServer) -> None:
    """smbclient's own sessions are for a server and a user name: a wrong password would do once another was right."""
    opened(f"/{SHARE}/x", smb.place())
    for wrong in ({"password": "wr0ng"}, {"login": "nobody"}, {"login": "", "password": ""}):
        with pytest.raises(SetupError, match=r"refuses the login|agree on signing") as refused:
            opened(f"/{SHARE}/x", smb.place(**wrong))
        assert PASSWORD not in str(refused.value)
        assert "wr0ng" not in str(refused.value)
    assert PASSWORD not in repr(SmbLogin.of("h", 1, smb.place()))


def test_nobody_is_sent_on_to_another_server_with_our_login(smb: SmbServer) -> None:
    import smbclient

    files, _, _ = opened(f"/{SHARE}/x", smb.place())
    with pytest.raises(SetupError, match="sends us on to elsewhere:445"):
        smbclient.listdir("\\\\elsewhere\\share", **{**files._arguments, "port": 445})


def test_a_process_ends_whoever_still_holds_a_connection(smb: SmbServer) -> None:
    """The library's thread stands still then: to wait for it was to wait for ever."""
    program = (
        "import sys; from types import SimpleNamespace; from airflow_integrations.files.opening import opened\n"
        f"files, _, _ = opened('/{SHARE}/x', SimpleNamespace(**{vars(smb.place())!r}))\n"
        "files.itself = files; sys.modules['holder'] = files; print(files.isdir('/'.join(['', sys.argv[1]])))"
    )
    done = subprocess.run([sys.executable, "-c", program, SHARE], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_a_connection_that_is_left_ends_its_thread(smb: SmbServer) -> None:
    def threads() -> set[str]:
        return {thread.name for thread in threading.enumerate() if str(smb.port) in thread.name}

    files, folder, _ = opened(f"/{SHARE}/", smb.place())
    assert files.ls(folder) == []
    (thread,) = [each for each in threading.enumerate() if str(smb.port) in each.name]
    del files
    gc.collect()
    thread.join(10)
    assert threads() == set()


def test_a_task_log_is_not_full_of_requests(smb: SmbServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    files, folder, _ = opened(f"/{SHARE}/", smb.place())
    assert files.ls(folder) == []
    assert caplog.records == []


def test_what_is_sent_can_be_encrypted(tmp_path: Path, smb: SmbServer) -> None:
    files, folder, _ = opened(f"/{SHARE}/", smb.place(extra={"encrypt": True, "auth_protocol": "ntlm"}))
    (tmp_path / "a.csv").write_text("x")
    assert files.cat_file(f"{folder}a.csv") == b"x"
    assert next(iter(files._connection.session_table.values())).encrypt_data


def test_a_server_that_says_nothing_is_away(tmp_path: Path, smb: SmbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smb_login, "ANSWER_SECONDS", 1)
    store = FileStore(f"/{SHARE}/*.csv", smb.place())
    os.killpg(smb.group, signal.SIGSTOP)
    try:
        with pytest.raises(OutageError, match=r"Connection timed out|closed"):
            store.list()
    finally:
        os.killpg(smb.group, signal.SIGCONT)
    assert store.list() == []


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"user": "x"}, "user in extra is not known for SMB; allowed: auth_protocol, domain, encrypt"),
        ({"encrypt": "yes"}, "encrypt in extra is true or false"),
        ({"require_signing": 1}, "require_signing in extra is true or false"),
        ({"auth_protocol": "md5"}, "auth_protocol in extra is one of negotiate, ntlm, kerberos"),
        ({"timeout": "long"}, "timeout in extra is a number of seconds above 0"),
        ({"timeout": True}, "timeout in extra is a number of seconds above 0"),
    ],
)
def test_mistakes_in_the_extra(smb: SmbServer, extra: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        opened(f"/{SHARE}/x", smb.place(extra=extra))


def test_a_path_names_no_other_server(smb: SmbServer) -> None:
    with pytest.raises(SetupError, match="the host is that of Connection 'partner'"):
        opened(f"smb://elsewhere/{SHARE}/x", smb.place())
