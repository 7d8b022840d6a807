"""One endpoint's session: a plain request takes aiohttp's connection, and nothing else of aiohttp.

For each request aiohttp's own session makes some ten objects, merges the headers and, before Python 3.12, starts a task
that writes the body. Where entities go one by one that was half of a push's time. What is the same for all requests of
an endpoint is prepared once here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeAlias

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from airflow_integrations.http.endpoint import MIB
from airflow_integrations.http.wire.plain_response import PlainResponse

__all__ = ["LINE_BYTES", "Response", "Session"]

Response: TypeAlias = aiohttp.ClientResponse | PlainResponse

_PLAIN_BYTES = 48 * 1024
"""A body up to this size is given to the operating system in one go; a larger one is written while the answer may
already come."""
LINE_BYTES = 64 * 1024
"""Of an answer's first line, and of one of its headers."""
_BUFFER_BYTES = 64 * 1024
_REPEATED = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""Sent again at once where a connection that was kept turns out to be closed, as aiohttp does."""
_TYPED = frozenset({"POST", "PUT", "PATCH"})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FRAMING = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "expect", "te", "trailer", "upgrade"}
)
"""Headers that say how a request is to be sent: one that has its own is left to aiohttp."""
_BREAKS = re.compile(r"[\r\n\0]")
_KNOWN = ("3.13.", "3.14.")
"""The releases of aiohttp whose inner parts are as they are used here. With any other its session sends everything."""


class Session:
    """Requests with the headers of one endpoint, to its origin. ``whole`` does what is not plain: through a proxy, with
    middlewares, large bodies. ``plain`` says whether anything is."""

    def __init__(
        self,
        whole: aiohttp.ClientSession,
        origin: URL,
        headers: Mapping[str, str],
        *,
        timeout: aiohttp.ClientTimeout,
        plain: bool,
    ) -> None:
        self._whole = whole
        assert whole.connector is not None
        self._connector = whole.connector
        self._timeout = timeout
        known = aiohttp.__version__.startswith(_KNOWN)
        self._plain = plain and known and _FRAMING.isdisjoint(name.lower() for name in headers)
        if self._plain:
            self._to = aiohttp.ClientRequest("GET", origin, loop=asyncio.get_running_loop(), session=whole)
        self._origin = origin.origin()
        self._lines = {name.lower(): _line(name, text) for name, text in headers.items()}
        self._usual = "".join(self._lines.values())

    async def request(self, method: str, url: URL, *, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """The head of the answer; its content is still to come. Redirects are not followed.

        Raises what aiohttp raises, and ValueError for a header that would end its line.
        """
        plain = self._plain and len(body or b"") <= _PLAIN_BYTES and url.origin() == self._origin
        head = self._head(method, url, body, headers) if plain else None
        if head is None:
            return await self._whole.request(method, url, data=_payload(body), headers=headers, allow_redirects=False)
        try:
            return await self._asked(method, url, head)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if method not in _REPEATED:
                raise
        return await self._asked(method, url, head)

    async def close(self) -> None:
        """Close its connections."""
        await self._whole.close()

    def _head(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> bytes | None:
        """The request up to its body, and that; None for one that says itself how it is sent."""
        usual, own, typed = self._usual, "", "content-type" in self._lines
        replaced: set[str] = set()
        for name, text in headers.items():
            low = name.lower()
            if low in _FRAMING:
                return None
            if low in self._lines:
                replaced.add(low)
            typed = typed or low == "content-type"
            own += _line(name, text)
        if replaced:
            usual = "".join([line for name, line in self._lines.items() if name not in replaced])
        if not typed and (body is not None or method in _TYPED):
            own += "Content-Type: application/octet-stream\r\n"
        if body is not None:
            own += f"Content-Length: {len(body)}\r\n"
        elif method not in _BODILESS:
            own += "Content-Length: 0\r\n"
        asked, host = f"{method} {url.raw_path_qs} HTTP/1.1", url.host_port_subcomponent
        if _BREAKS.search(asked):
            raise ValueError(f"a request must not hold a line break or a null byte: {method[:60]!r}")
        return f"{asked}\r\nHost: {host}\r\n{usual}{own}\r\n".encode() + (body or b"")

    async def _asked(self, method: str, url: URL, written: bytes) -> PlainResponse:
        try:
            connection = await self._connector.connect(self._to, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {url}") from error
        try:
            protocol = connection.protocol
            if protocol is None or protocol.transport is None:
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(
                skip_payload=method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
                read_timeout=self._timeout.sock_read,
                read_bufsize=_BUFFER_BYTES,
                max_line_size=LINE_BYTES,
                max_field_size=LINE_BYTES,
            )
            protocol.transport.write(written)
            protocol.start_timeout()
            message, content = await _answered(protocol)
        except HttpProcessingError as error:
            connection.close()
            raise aiohttp.ClientResponseError(
                self._to.request_info, (), status=error.code, message=error.message, headers=error.headers
            ) from error
        except BaseException:
            connection.close()
            raise
        return PlainResponse(method, url, message, content, connection)


async def _answered(protocol: ResponseHandler) -> tuple[Any, aiohttp.StreamReader]:
    """The head of the answer, and where its content arrives; what an interim answer says is passed over."""
    while True:
        message, content = await protocol.read()
        if not 100 <= message.code < 200 or message.code == 101:
            return message, content


def _line(name: str, text: str) -> str:
    line = f"{name}: {text}"
    if _BREAKS.search(line):
        raise ValueError(f"a header must not hold a line break or a null byte: {name[:60]!r}")
    return line + "\r\n"


def _payload(body: bytes | None) -> Any:
    """Large bodies are written in pieces, so that the event loop is not held up."""
    if body is None:
        return None
    return BytesIO(body) if len(body) > MIB else aiohttp.BytesPayload(body)
