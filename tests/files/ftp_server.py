"""An FTP server that nobody here wrote: pyftpdlib's, in a thread, with TLS or without, and with what servers lack."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

PASSWORD = "s3cret#pass"


class FtpServer:
    """``lacks``: commands that it does not know. ``answer`` is called with each command and its argument; a text that
    it gives is said instead of what the server would do. ``cut``: how many bytes of a download leave before all of
    the connection is cut."""

    def __init__(
        self, folder: Path, *, certificate: str | None = None, lacks: tuple[str, ...] = (), dos: bool = False
    ) -> None:
        self.folder = folder
        self.answer: Callable[[str, str], str | None] = lambda command, argument: None
        self.cut: int | None = None
        self.commands: list[str] = []
        self._port = 0
        self._certificate, self._lacks, self._dos = certificate, lacks, dos
        self.start()

    def start(self) -> None:
        authorizer = DummyAuthorizer()
        authorizer.add_user("me", PASSWORD, str(self.folder), perm="elradfmwMT")
        self._loop = IOLoop()
        self._server = FTPServer(("127.0.0.1", self._port), _handler(self, authorizer), ioloop=self._loop)
        self._port = self._server.address[1]
        self._running = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._running:
            self._loop.loop(timeout=0.02, blocking=False)
        self._server.close_all()

    def stop(self) -> None:
        """All connections are cut."""
        self._running = False
        self._thread.join(5)

    end = stop

    def at(self, path: Path) -> str:
        """As a route writes it."""
        return f"/{path.relative_to(self.folder)}"

    @property
    def port(self) -> int:
        return self._port

    def place(self, **more: Any) -> Any:
        usual: dict[str, Any] = {"name": "partner", "kind": "ftp", "host": "127.0.0.1", "port": self.port}
        return SimpleNamespace(**{**usual, "login": "me", "password": PASSWORD, "extra": {}, **more})


def _handler(server: FtpServer, authorizer: DummyAuthorizer) -> Any:
    base: Any = FTPHandler if server._certificate is None else TLS_FTPHandler

    class Transfer(base.dtp_handler):  # type: ignore[misc]
        def send(self, data: bytes) -> int:
            if server.cut is not None and self.tot_bytes_sent + len(data) > server.cut:
                server.cut = None
                self.cmd_channel.close()
                self.close()
                return 0
            return int(super().send(data))

    class Files(AbstractedFS):  # type: ignore[misc]
        def format_list(self, basedir: str, listing: list[str], ignore_err: bool = True) -> Any:
            for line in super().format_list(basedir, listing, ignore_err):
                if not server._dos:
                    yield line
                    continue
                words = line.decode().rstrip().split(maxsplit=8)
                what = "<DIR>         " if words[0][0] == "d" else f"{words[4]:>20}"
                yield f"11-30-26  01:25AM       {what} {words[8]}\r\n".encode()

    class Handler(base):  # type: ignore[misc]
        dtp_handler = Transfer
        abstracted_fs = Files
        use_gmt_times = True
        use_sendfile = False
        auth_failed_timeout = 0

        def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
            server.commands.append(f"{cmd} {arg}".strip())
            said = "500 not understood" if cmd in server._lacks else server.answer(cmd, arg)
            if said is not None:
                self.respond(said)
                return
            super().pre_process_command(line, cmd, arg)

        @property
        def _extra_feats(self) -> list[str]:
            return ["AUTH TLS", "PBSZ", "PROT"] if server._certificate else []

        @_extra_feats.setter
        def _extra_feats(self, value: Any) -> None:
            pass

        def ftp_FEAT(self, line: str) -> None:
            known = [
                name for name in ("MDTM", "SIZE", "MLST type*;size*;modify*;") if name.split()[0] not in server._lacks
            ]
            self.push("211-Features supported:\r\n" + "".join(f" {name}\r\n" for name in known))
            self.respond("211 End FEAT.")

    Handler.authorizer = authorizer
    if server._certificate is not None:
        Handler.certfile = server._certificate
        Handler.tls_control_required = True
        Handler.tls_data_required = True
        Handler.ssl_context = None
    return Handler


__all__ = ["PASSWORD", "DTPHandler", "FtpServer"]
