"""An answer as the client reads it: what it uses of aiohttp's, without the rest."""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDictProxy
from yarl import URL

__all__ = ["PlainResponse"]


class PlainResponse:
    """Gives its connection back when its content has arrived, or by :meth:`release`."""

    __slots__ = ("_connection", "content", "headers", "method", "status", "url")

    def __init__(
        self, method: str, url: URL, message: Any, content: aiohttp.StreamReader, connection: Connection
    ) -> None:
        self.method = method
        self.url = url
        self.status: int = message.code
        self.headers: CIMultiDictProxy[str] = message.headers
        self.content = content
        self._connection: Connection | None = connection
        content.on_eof(self._arrived)

    @property
    def content_length(self) -> int | None:
        """As the server says it; None where it does not."""
        length = self.headers.get("Content-Length")
        return None if length is None else int(length)

    @property
    def closed(self) -> bool:
        """Whether it has no connection any more."""
        return self._connection is None

    def release(self) -> None:
        """Give the connection back. One whose content has not all arrived is closed."""
        self._arrived()

    def close(self) -> None:
        """Close the connection, whatever has arrived."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _arrived(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        protocol = connection.protocol
        transport = None if protocol is None else protocol.transport
        if transport is not None and transport.get_write_buffer_size():
            connection.close()  # answered before all of the request had left: what follows could not be told apart
        else:
            connection.release()
