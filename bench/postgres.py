"""A PostgreSQL of one's own, which may be restarted while others work with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["Cluster", "binaries"]


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl, or None where PostgreSQL's server is not installed."""
    found = [Path(name).parent for name in (shutil.which("initdb"), shutil.which("pg_ctl")) if name]
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    places = [*found[:1], *reversed(debian)]
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


class Cluster:
    """Trusts everybody on the loopback interface."""

    def __init__(self, folder: Path, programs: Path, *, sync: bool) -> None:
        self._folder, self._programs, self._sync = folder, programs, sync
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"

    @classmethod
    @contextmanager
    def running(cls, programs: Path, *, sync: bool = False) -> Iterator[Cluster]:
        """In a temporary folder, until the block ends. The server refuses to be root's: then it is postgres's.

        ``sync``: commits wait for the disk. Without it only a crash of the machine could lose one.
        """
        with TemporaryDirectory(prefix="chaos-postgres-") as folder:
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres")
            cluster = cls(Path(folder), programs, sync=sync)
            cluster._run("initdb", "--auth", "trust", "--username", "postgres", "--no-sync")
            cluster._control("start")
            try:
                yield cluster
            finally:
                cluster._control("stop", "--mode", "immediate")

    def restart(self, mode: str) -> None:
        """``fast`` ends the sessions; ``immediate`` is a crash of the server."""
        self._control("restart", "--mode", mode)

    def _control(self, *arguments: str) -> None:
        settings = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "on" if self._sync else "off",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "--log", str(self._folder / "log"), "--wait", "--options", options, *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        user = "postgres" if os.geteuid() == 0 else None
        command = [str(self._programs / program), "--pgdata", str(self._folder / "data"), *arguments]
        subprocess.run(command, user=user, cwd=self._folder, check=True, stdout=subprocess.DEVNULL)
