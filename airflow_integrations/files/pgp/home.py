"""A folder for gpg that is there as long as keys are in use, and gpg's calls in it.

gpg takes no private key but from its folder, and asks its agent there. So the folder is made for one use, in memory
where the machine has a file system there, for this user alone, and removed with its agent. What a killed process left
is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from typing import IO, Any

from airflow_integrations.errors import SetupError

__all__ = ["Home"]

PREFIX = "airflow-integrations-pgp-"
LOCK = "in-use"
"""A file that is locked as long as the process lives that has made the folder."""
NEW = 60.0
"""Seconds in which a folder may have no lock yet."""
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a name that nobody can guess is made in it
_ARGUMENTS = (
    *("--no-options", "--batch", "--no-tty", "--quiet", "--no-greeting", "--display-charset", "utf-8"),
    *("--disable-dirmngr", "--no-auto-key-locate", "--no-auto-check-trustdb"),
    *("--trust-model", "always", "--pinentry-mode", "loopback", "--no-auto-key-retrieve"),
)
"""No network, nobody asked, and no key trusted but those that are given: there are no others."""
_SUPPORTED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


class Home:
    """Raises SetupError where gpg is not installed. ``close`` removes it; so does the end of the process."""

    def __init__(self) -> None:
        program = shutil.which("gpg")
        if program is None:
            raise SetupError("pgp needs the program gpg, which is not installed here: apt install gnupg")
        self._program = program
        base = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        _remove_left(base)
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))  # for this user alone
        self._lock = os.open(self._folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # whoever can read this folder can read the Connection, too: more rounds would cost a second of each run
        (self._folder / "gpg-agent.conf").write_text("s2k-count 65536\n")
        self._remove = weakref.finalize(self, _end, self._folder, self._lock, os.getpid())

    def close(self) -> None:
        self._remove()

    @contextmanager
    def running(
        self, arguments: Sequence[str], source: IO[bytes], *, passphrase: str = ""
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """gpg at work on a real file: the process, whose ``stdout`` is to be read to its end, and where its status
        lines are. It has ended behind the block, killed where the block raises."""
        secret, secret_in = os.pipe()
        with tempfile.TemporaryFile() as status:
            try:
                os.write(secret_in, passphrase.encode() + b"\n")
                os.close(secret_in)
                told = status.fileno()
                process = subprocess.Popen(  # noqa: S603 - no shell, and no value of a user is an argument
                    [
                        *(self._program, "--homedir", str(self._folder), *_ARGUMENTS),
                        *("--status-fd", str(told), "--passphrase-fd", str(secret), *arguments),
                    ],
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(told, secret),
                    env=_environment(),
                )
            finally:
                os.close(secret)
            assert process.stdout is not None
            with process.stdout:
                try:
                    yield process, status
                finally:
                    process.kill()  # no more than a word where it has ended
                    process.wait()

    def lines(self, arguments: Sequence[str], content: bytes) -> list[list[str]]:
        """The words of each status line that gpg has for some content."""
        with tempfile.TemporaryFile() as source:
            source.write(content)
            source.seek(0)
            with self.running(arguments, source) as (process, status):
                assert process.stdout is not None
                process.stdout.read()
                process.wait()
                return list(status_lines(status))


def status_lines(status: IO[bytes]) -> Iterator[list[str]]:
    """The words of each line that gpg writes for programs. They hold names that a hostile message chose."""
    status.seek(0)
    while line := status.readline(4096):
        if line.startswith(b"[GNUPG:] "):
            yield line[9:].decode("utf-8", "replace").split()


def _environment() -> dict[str, str]:
    """Nothing of the worker's own: its variables hold credentials."""
    return {name: os.environ[name] for name in _SUPPORTED if name in os.environ} | {"LC_ALL": "C.UTF-8"}


def _end(folder: Path, lock: int, process: int) -> None:
    if os.getpid() == process:  # and not one that was forked from it
        _remove(folder)
        os.close(lock)


def _remove(folder: Path) -> None:
    """With gpg's agent. An agent that is not reached ends when it sees that its folder is gone."""
    with suppress(OSError, subprocess.SubprocessError):
        arguments: Any = [shutil.which("gpgconf") or "gpgconf", "--homedir", str(folder)]
        for what in ("--kill gpg-agent", "--remove-socketdir"):
            command = [*arguments, *what.split()]
            subprocess.run(command, check=False, env=_environment(), timeout=10, capture_output=True)  # noqa: S603
    shutil.rmtree(folder, ignore_errors=True)


def _remove_left(base: Path) -> None:
    """Folders of processes that are dead: whoever gets their lock."""
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError):
            told = folder.lstat()
            if told.st_uid != os.getuid() or not S_ISDIR(told.st_mode):
                continue
            try:
                lock = os.open(folder / LOCK, os.O_RDWR)
            except FileNotFoundError:
                if told.st_mtime < time.time() - NEW:
                    _remove(folder)
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
            finally:
                os.close(lock)
