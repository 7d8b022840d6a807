"""A port in front of PostgreSQL that can be shut and opened again, as when the server restarts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Door:
    """Accepts on ``port`` of 127.0.0.1 and hands everything to ``target``."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self.port = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._kept: socket.socket | None = None
        """Bound while the door is shut: does not listen, and keeps the port from others."""

    def open(self) -> None:
        listening, self._kept = self._kept or _bound(0), None
        listening.listen()
        self.port = listening.getsockname()[1]
        self._sockets = [listening]
        self._run(self._accept, listening)

    def shut(self) -> None:
        """Breaks all connections; new ones are refused. The port stays its own."""
        self.close()
        self._kept = _bound(self.port)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in self._sockets:
            each.close()
        self._sockets, self._threads = [], []

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            self._run(self._pass_on, client, server)
            self._run(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                target.sendall(received)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _run(self, work, *given: socket.socket) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


@contextmanager
def door_to(host: str, port: int) -> Iterator[Door]:
    door = Door((host, port))
    door.open()
    try:
        yield door
    finally:
        door.close()
