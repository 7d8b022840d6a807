"""Why another system cannot be reached is told in words, not in a library's tuples and class names."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket

import pytest

from airflow_integrations.errors import why_unreachable


def _raised(host: str, port: int) -> BaseException:
    async def connect() -> None:
        await asyncio.open_connection(host, port)

    with pytest.raises(ConnectionRefusedError, match=f"'{re.escape(host)}', {port}") as caught:
        asyncio.run(connect())
    return caught.value


def test_nothing_listens() -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert why_unreachable(_raised("127.0.0.1", port)) == f"connection refused: 127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "unknown host name: check host and port"),
        (TimeoutError(), "no answer in time"),
        (OSError(113, "No route to host"), "no network route: check host and port"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection was closed: check host and port"),
        (RuntimeError("Login was refused by the broker"), "Login was refused by the broker"),
        (ValueError(), "ValueError"),
    ],
)
def test_in_words(error: Exception, words: str) -> None:
    assert why_unreachable(error) == words
