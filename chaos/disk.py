"""A disk that can be filled: a small tmpfs where mounting is allowed, else a limit on how long files may grow."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Disk"]


class Disk:
    """A folder, ``way`` (tmpfs or rlimit), and the trouble that it can make."""

    def __init__(self, folder: Path, way: str) -> None:
        self.folder = folder
        self.way = way
        self._filler = folder / "filler"

    @classmethod
    @contextmanager
    def at(cls, folder: Path, megabytes: int) -> Iterator[Disk]:
        """The disk exists until the block ends."""
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "chaos", str(folder)]
        try:
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            mounted = False
        try:
            yield cls(folder, "tmpfs" if mounted else "rlimit")
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)

    def fill(self, pid: int) -> None:
        """Nothing more can be written: by anybody, or without a tmpfs by the process ``pid``."""
        if self.way == "rlimit":
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
            return
        with self._filler.open("wb") as filler:
            for size in (1 << 20, 1 << 12, 1):
                self._fill(filler.fileno(), size)

    def _fill(self, file: int, size: int) -> None:
        piece = bytes(size)
        try:
            while True:
                os.write(file, piece)
        except OSError:
            return

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)
