"""An SFTP server that nobody here wrote: asyncssh's, in a thread, whose folder is a real one, and which can fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh

PASSWORD = "s3cret#pass"


class _Login(asyncssh.SSHServer):
    def __init__(self, server: SftpServer) -> None:
        self._server = server

    def begin_auth(self, username: str) -> bool:
        self._server.logins += 1
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._server.offered.append(key.export_public_key().decode().split()[1])
        return key == self._server.known_user_key

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("me", PASSWORD)


class SftpServer:
    """``fail`` is called with the name of each operation and its path, and may raise."""

    def __init__(self, folder: Path, *, posix_rename: bool = True) -> None:
        self.folder, self._posix_rename = folder, posix_rename
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.known_user_key: asyncssh.SSHKey | None = None
        self.offered: list[str] = []
        self.logins = 0
        self.fail: Callable[[str, Any], Any] = lambda name, path: None
        self.port = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._acceptor: Any = None
        self.start()

    def _do(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def start(self) -> None:
        async def begin() -> Any:
            return await asyncssh.listen(
                "127.0.0.1",
                self.port,
                server_factory=lambda: _Login(self),
                server_host_keys=[self.key],
                sftp_factory=lambda channel: _files_of(self, channel),
                sftp_version=3,
            )

        self._acceptor = self._do(begin())
        self.port = self._acceptor.get_port()

    def stop(self) -> None:
        """All connections are cut."""

        async def end() -> None:
            self._acceptor.close()
            for connection in list(self.connections):
                connection.abort()
            self.connections.clear()
            await asyncio.sleep(0.05)

        self._do(end())

    def end(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def connections(self) -> set[Any]:
        if not hasattr(self, "_connections"):
            self._connections: set[Any] = set()
        return self._connections

    def at(self, path: Path) -> str:
        """As a route writes it."""
        return str(path)

    def cut(self) -> None:
        """All connections are gone at once; new ones are taken."""
        for connection in list(self.connections):
            self._loop.call_soon_threadsafe(connection.abort)
        self.connections.clear()

    @property
    def host_key(self) -> str:
        return " ".join(self.key.export_public_key().decode().split()[:2])

    def place(self, **more: Any) -> Any:
        extra = more.pop("extra", {"host_key": self.host_key})
        usual = {"name": "partner", "kind": "sftp", "host": "127.0.0.1", "port": self.port, "login": "me"}
        return SimpleNamespace(**{**usual, "password": PASSWORD, "extra": extra, **more})


def _files_of(server: SftpServer, channel: Any) -> asyncssh.SFTPServer:
    server.connections.add(channel.get_connection())

    class Files(asyncssh.SFTPServer):
        def __init__(self) -> None:
            super().__init__(channel)

        async def scandir(self, path: bytes) -> Any:
            server.fail("scandir", path)
            hostile = server.fail("names", path)
            for name in hostile or ():
                yield asyncssh.SFTPName(name, "", asyncssh.SFTPAttrs(type=1, size=3, permissions=0o100644, mtime=1))
            async for each in super().scandir(path):
                yield each

        def lstat(self, path: bytes) -> Any:
            server.fail("lstat", path)
            return super().lstat(path)

        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            server.fail("open", path)
            return super().open(path, pflags, attrs)

        def read(self, file: Any, offset: int, size: int) -> Any:
            said = server.fail("read", offset)
            return super().read(file, offset, size) if said is None else said

        def write(self, file: Any, offset: int, data: bytes) -> Any:
            server.fail("write", file.name)
            return super().write(file, offset, data)

        def close(self, file: Any) -> Any:
            path = file.name
            super().close(file)
            server.fail("close", path)

        def fsync(self, file: Any) -> Any:
            server.fail("fsync", file.name)
            return super().fsync(file)

        def rename(self, old: bytes, new: bytes) -> Any:
            server.fail("rename", new)
            said = super().rename(old, new)
            server.fail("renamed", new)
            return said

        def posix_rename(self, old: bytes, new: bytes) -> Any:
            if not server._posix_rename:
                raise asyncssh.SFTPOpUnsupported("no such extension")
            server.fail("rename", new)
            said = super().posix_rename(old, new)
            server.fail("renamed", new)
            return said

        def remove(self, path: bytes) -> Any:
            server.fail("remove", path)
            return super().remove(path)

    return Files()
