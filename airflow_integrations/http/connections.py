"""Connections that are used again only while nothing came over them that nobody asked for."""

from __future__ import annotations

import select
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

__all__ = ["CheckedConnector"]

_NOT_AGAIN = frozenset({408, 413})
"""Besides 5xx: the server gave up before it had read the request, and what is left of it may be answered as well."""


class CheckedConnector(aiohttp.TCPConnector):
    """A pool that closes connections whose next answer could belong to an earlier request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_OneAnswer, loop=self._loop)  # type: ignore[assignment]  # invariant


class _OneAnswer(ResponseHandler):
    """Takes one answer for each request.

    A server that answers twice (a proxy's time-out and the real answer behind it, a request body that was not read)
    would otherwise have its second answer believed for the next request on the connection. A surplus answer that
    arrives after the next request has left cannot be told from that request's own; so a connection is not used again
    after an answer that is often followed by another one.
    """

    _expects = False
    """A request has left, and the head of its answer has not arrived."""

    def set_response_params(self, **params: Any) -> None:
        self._expects = True
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if data and not self._expects and (self._payload is None or self._payload.is_eof()):
            self.force_close()
            self.close()
            return
        super().data_received(data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        code = data[0].code
        if code >= 200:
            if not self._expects:  # in one packet with the end of the answer before it
                self.force_close()
                return
            self._expects = False
            if code >= 500 or code in _NOT_AGAIN:
                self.force_close()
        super().feed_data(data, size)

    def is_connected(self) -> bool:
        if not super().is_connected():
            return False
        if self._expects or (self._payload is not None and not self._payload.is_eof()):
            return True
        return not self.should_close and not self._has_unread_bytes()

    def _has_unread_bytes(self) -> bool:
        """Whether the operating system holds bytes, or the end of the connection, that the event loop has not seen."""
        assert self.transport is not None
        socket = self.transport.get_extra_info("socket")
        if socket is None:
            return False
        try:
            poll = select.poll()
            poll.register(socket.fileno(), select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True
