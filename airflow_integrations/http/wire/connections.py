"""Connections that are used again only while nothing came over them that nobody asked for."""

from __future__ import annotations

import asyncio
import logging
import select
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

__all__ = ["CheckedConnector"]

log = logging.getLogger("airflow_integrations")

_TIMED_OUT = (b"HTTP/1.1 408", b"HTTP/1.0 408")
"""What servers say before they close a connection that nobody used: no second answer."""
_NOT_AGAIN = frozenset({408, 413})
"""Besides 5xx: the server gave up before it had read the request, and what is left of it may be answered as well."""


class CheckedConnector(aiohttp.TCPConnector):
    """A pool that closes connections whose next answer could belong to an earlier request.

    Once the server has answered a request twice, each connection carries one request: a second answer that comes late
    could not be told from that of the next request.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_OneAnswer, self, loop=self._loop)  # type: ignore[assignment]  # invariant
        self.answers_twice = False

    def distrust(self) -> None:
        """An answer came that nobody asked for."""
        if not self.answers_twice:
            log.warning("the server answers a request twice: from now on each connection to it carries one request")
        self.answers_twice = True


class _OneAnswer(ResponseHandler):
    """Takes one answer for each request.

    A server that answers twice (a proxy's time-out and the real answer behind it, a request body that was not read)
    would otherwise have its second answer believed for the next request on the connection. A surplus answer that
    arrives after the next request has left cannot be told from that request's own; so a connection is not used again
    after an answer that is often followed by another one, nor where the server has ever answered twice.
    """

    _expects = False
    """A request has left, and the head of its answer has not arrived."""

    def __init__(self, connector: CheckedConnector, **options: Any) -> None:
        super().__init__(**options)
        self._connector = connector
        self._silent_from: float | None = None
        """When the server was last heard of, or asked; None where nothing is expected of it."""
        self._alarm: asyncio.TimerHandle | None = None
        self._unread: select.poll | None = None

    def set_response_params(self, **params: Any) -> None:
        self._expects = True
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if data and not self._expects and (self._payload is None or self._payload.is_eof()):
            if not data.startswith(_TIMED_OUT):
                self._connector.distrust()
            self.force_close()
            self.close()
            return
        super().data_received(data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        code = data[0].code
        if code >= 200:
            if not self._expects:  # in one packet with the end of the answer before it
                self._connector.distrust()
                self.force_close()
                return
            self._expects = False
            if code >= 500 or code in _NOT_AGAIN or self._connector.answers_twice:
                self.force_close()
        super().feed_data(data, size)

    def is_connected(self) -> bool:
        if not super().is_connected():
            return False
        if self._expects or (self._payload is not None and not self._payload.is_eof()):
            return True
        return not self.should_close and not self._has_unread_bytes()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._unread = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _reschedule_timeout(self) -> None:
        """The read time-out begins anew. aiohttp makes a timer for each packet; here a connection has one, which looks
        when it rings whether the server was heard of since."""
        if not self._read_timeout:
            self._silent_from = None
            return
        self._silent_from = self._loop.time()
        if self._alarm is None:
            self._alarm = self._loop.call_later(self._read_timeout, self._look)

    def _drop_timeout(self) -> None:
        self._silent_from = None

    def _look(self) -> None:
        self._alarm = None
        if self._silent_from is None or not self._read_timeout:
            return
        left = self._silent_from + self._read_timeout - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._look)
        else:
            self._on_read_timeout()

    def _has_unread_bytes(self) -> bool:
        """Whether the operating system holds bytes, or the end of the connection, that the event loop has not seen."""
        assert self.transport is not None
        try:
            if self._unread is None:
                socket = self.transport.get_extra_info("socket")
                if socket is None:
                    return False
                unread = select.poll()
                unread.register(socket.fileno(), select.POLLIN)
                self._unread = unread
            return bool(self._unread.poll(0))
        except (OSError, ValueError):
            return True
