"""TLS in front of a server that has none: from the first byte, or, for IMAP, after STARTTLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["tls_tunnel"]


@contextmanager
def tls_tunnel(port: int, certificate: str, *, starttls: bool = False) -> Iterator[int]:
    """The port on which ``port`` of this machine is reached through TLS, by whoever trusts ``certificate``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = listening.accept()
                    threading.Thread(target=serve, args=(taken,), daemon=True).start()

        def serve(taken: socket.socket) -> None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as there:
                if starttls:
                    _until_starttls(taken, there)
                _joined(context.wrap_socket(taken, server_side=True), there)

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _until_starttls(taken: socket.socket, there: socket.socket) -> None:
    """One line and its answer at a time."""
    taken.sendall(there.recv(65536).replace(b"IMAP4rev1", b"IMAP4rev1 STARTTLS"))
    while line := taken.recv(65536):
        if b"STARTTLS" in line:
            taken.sendall(line.split()[0] + b" OK begin\r\n")
            return
        there.sendall(line)
        answer = b""
        while line.split()[0] + b" " not in answer.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2] + b" ":
            answer += there.recv(65536)
        taken.sendall(answer.replace(b"IMAP4rev1", b"IMAP4rev1 STARTTLS"))


def _joined(one: socket.socket, other: socket.socket) -> None:
    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while some := source.recv(65536):
                target.sendall(some)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=pump, args=(other, one), daemon=True).start()
    pump(one, other)
