"""An SMB server that nobody here wrote: Samba's smbd, on a port of its own. Its share is the test's folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["LACKS_SMB", "PASSWORD", "SmbServer"]

PASSWORD = "s3cret#pass"
USER = "daemon"
"""Samba has passwords of its own, for users of the system."""
SHARE = "erp share"
_FOLDERS = ("private", "lock", "state", "cache", "pid", "ncalrpc")
_SETTINGS = """
[global]
server role = standalone server
interfaces = 127.0.0.1/8
bind interfaces only = yes
smb ports = {port}
private dir = {folder}/private
lock directory = {folder}/lock
state directory = {folder}/state
cache directory = {folder}/cache
pid directory = {folder}/pid
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log
passdb backend = tdbsam:{folder}/private/passdb.tdb
disable netbios = yes
load printers = no
printcap name = /dev/null
[{share}]
path = {path}
read only = no
force user = root
"""


def _lacks() -> str | None:
    try:
        import smbprotocol  # noqa: F401
    except ImportError:
        return "smbprotocol is not installed here: pip install 'airflow-integrations[smb]'"
    if shutil.which("smbd") is None:
        return "Samba is not installed here: apt install samba"
    return None if os.geteuid() == 0 else "smbd becomes other users, which only root may"


LACKS_SMB = _lacks()
"""What there is not; None: it runs here."""


class SmbServer:
    def __init__(self, folder: Path, settings: Path) -> None:
        """``folder`` is shared; ``settings`` is for what the server itself keeps, and is outside of it."""
        self.folder, self._settings = folder, settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        for name in _FOLDERS:
            (settings / name).mkdir()
        text = _SETTINGS.format(port=self.port, folder=settings, share=SHARE, path=folder)
        (settings / "smb.conf").write_text(text)
        user = ["pdbedit", f"--configfile={settings}/smb.conf", "--create", f"--user={USER}", "--password-from-stdin"]
        subprocess.run(user, input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=True, capture_output=True)
        self.start()

    def start(self) -> None:
        command = ["smbd", f"--configfile={self._settings}/smb.conf", "--foreground", "--no-process-group"]
        with (self._settings / "said").open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        ends = time.monotonic() + 30
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise AssertionError((self._settings / "said").read_text(errors="replace"))
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def group(self) -> int:
        """Of its processes: each connection has one."""
        return self._process.pid

    def stop(self) -> None:
        """All connections are cut."""
        os.killpg(self.group, signal.SIGKILL)
        self._process.wait(10)

    end = stop

    def at(self, path: Path) -> str:
        """As a route writes it: the share is the first folder."""
        return f"/{SHARE}/{path.relative_to(self.folder)}"

    def place(self, **more: Any) -> Any:
        usual: dict[str, Any] = {"name": "partner", "kind": "samba", "host": "127.0.0.1", "port": self.port}
        return SimpleNamespace(**{**usual, "login": USER, "password": PASSWORD, "extra": {}, **more})
