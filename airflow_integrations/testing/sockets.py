"""A process without a network, for as long as route tests run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["NetworkBlocked", "no_network"]

_FORBIDDEN = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg", "socket.bind"}
)


class NetworkBlocked(RuntimeError):
    """Something tried to reach the network inside a route test."""


class _Switch:
    """How many blocks are on. An audit hook stays for the life of the process, so it is installed once and switched."""

    def __init__(self) -> None:
        self.depth = 0
        self.installed = False
        self.lock = threading.Lock()

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.depth and event in _FORBIDDEN:
            place = (
                arguments[1] if event == "socket.connect" and len(arguments) > 1 else arguments[0] if arguments else ""
            )
            raise NetworkBlocked(
                f"a route test tried to reach the network ({event} {place!r}); give it a recorded answer instead"
            )


_switch = _Switch()


@contextmanager
def no_network() -> Iterator[None]:
    """Refuse connections and name look-ups of Python's sockets in every thread of this process, with NetworkBlocked.

    An audit hook sees the calls themselves (PEP 578), so names imported earlier don't slip by. Libraries that bring
    their own network code in C, such as libpq, are not seen.
    """
    with _switch.lock:
        if not _switch.installed:
            sys.addaudithook(_switch.hook)
            _switch.installed = True
        _switch.depth += 1
    try:
        yield
    finally:
        with _switch.lock:
            _switch.depth -= 1
