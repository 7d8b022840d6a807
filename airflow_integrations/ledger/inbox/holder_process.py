"""Name a route's consumer process, and tell whether it has surely died, so that its lease need not be waited for."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

__all__ = ["has_died", "holder_name"]

LONGEST = 300
"""Characters of a name, as the ledger's table has it."""
_PROC = Path("/proc")
_STATE, _STARTED = 0, 19
"""Where they stand in /proc/<pid>/stat behind the name of the program, see proc(5)."""


def holder_name(run_id: str) -> str:
    """A name for this process: ``host:place:pid:start:run id``.

    The place is the running kernel and the namespace in which the pid counts: containers have one each. Place and start
    are empty where the system does not tell.
    """
    return f"{socket.gethostname()}:{_place()}:{os.getpid()}:{_start(os.getpid())}:{run_id}"[:LONGEST]


def has_died(holder: str) -> bool:
    """Whether the process of this name was here and is no more. False where that cannot be told from here."""
    parts = holder.split(":", 4)
    if len(parts) < 5 or not parts[1] or parts[1] != _place() or not parts[2].isdigit() or not parts[3]:
        return False
    return _start(int(parts[2])) != parts[3]


def _start(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where there is none."""
    try:
        found = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if found[_STATE] in "ZX" else found[_STARTED]


@lru_cache(maxsize=1)
def _place() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""
    return f"{boot[:12]}.{namespace.strip('pid:[]')}"
