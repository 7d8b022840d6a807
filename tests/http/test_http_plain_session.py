"""A plain request is what aiohttp's own session would have sent, and its connection is used as safely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

import aiohttp
import pytest
from yarl import URL

from airflow_integrations.http.content.body import whole
from airflow_integrations.http.endpoint import Endpoint
from airflow_integrations.http.session import open_session
from airflow_integrations.http.wire.plain_response import PlainResponse
from airflow_integrations.http.wire.session import Session

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server that says whatever ``talk`` does."""
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/base"


async def asked(reader: asyncio.StreamReader) -> tuple[str, list[tuple[str, str]], bytes]:
    """First line, headers and body of the next request."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    headers = sorted((name.lower(), text) for name, text in (line.split(": ", 1) for line in lines))
    return first, headers, await reader.readexactly(int(dict(headers).get("content-length", 0)))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH"])
@pytest.mark.parametrize("body", [None, b"", b'{"a":1}'])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json", "Idempotency-Key": "é1"},
        {"accept": "text/csv", "X-SHARED": "own"},
        {"Host": "elsewhere.test"},
    ],
)
async def test_it_is_what_aiohttp_sends(method: str, body: bytes | None, headers: dict[str, str]) -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await asked(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with server(talk) as url:
        for plain in (True, False):
            session = open_session(Endpoint("erp", url, headers={"X-Shared": "all"}))
            session._plain = plain
            response = await session.request(method, URL(url + "/orders?a=%20b"), body=body, headers=headers)
            response.release()
            await session.close()
            assert isinstance(response, PlainResponse) is (plain and "Host" not in headers)
    ours, theirs = heard
    assert ours == theirs


async def test_another_release_of_aiohttp_sends_everything_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its inner parts may be others."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(OK)
        writer.close()

    monkeypatch.setattr(aiohttp, "__version__", "3.99.0")
    async with server(talk) as url:
        session = open_session(Endpoint("erp", url))
        response = await session.request("GET", URL(url), body=None, headers={})
        assert isinstance(response, aiohttp.ClientResponse)
        assert await whole(response, 1000, 5) == b"ok"
        await session.close()


async def test_what_goes_elsewhere_does_not_take_the_origins_connection() -> None:
    """The client asks no other origin; were it to, the request would not arrive here."""
    heard = list[str]()

    def talk_of(name: str) -> Talk:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asked(reader)
            heard.append(name)
            writer.write(OK)
            writer.close()

        return talk

    async with server(talk_of("here")) as here, server(talk_of("there")) as there:
        session = open_session(Endpoint("erp", here))
        for url in (here, there, here):
            assert await answered(session, "GET", url) == b"ok"
        await session.close()
    assert heard == ["here", "there", "here"]


@pytest.mark.parametrize("headers", [{"X-Key": "a\r\nX-Other: b"}, {"X\nKey": "a"}, {"X-Key": "a\0"}])
async def test_a_header_cannot_end_its_line(headers: dict[str, str]) -> None:
    session = open_session(Endpoint("erp", "http://127.0.0.1:9"))
    try:
        with pytest.raises(ValueError, match="line break"):
            await session.request("GET", URL("http://127.0.0.1:9/"), body=None, headers=headers)
    finally:
        await session.close()


async def answered(session: Session, method: str, url: str, body: bytes | None = None) -> bytes:
    response = await session.request(method, URL(url), body=body, headers={})
    return await whole(response, 1000, 5)


@pytest.mark.parametrize(("method", "again"), [("PUT", True), ("GET", True), ("POST", False)])
async def test_a_connection_that_ends_under_a_request(method: str, again: bool) -> None:
    """It may have been closed before the request came, so what may be repeated goes again at once; nothing else."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await asked(reader)
        if connections > 1:
            writer.write(OK)
            await writer.drain()
        writer.close()

    async with server(talk) as url:
        session = open_session(Endpoint("erp", url))
        try:
            if again:
                assert await answered(session, method, url) == b"ok"
            else:
                with pytest.raises(aiohttp.ServerDisconnectedError):
                    await answered(session, method, url)
        finally:
            await session.close()
    assert connections == 1 + again


async def test_an_interim_answer_is_passed_over_and_the_connection_serves_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while not reader.at_eof():
            try:
                await asked(reader)
            except asyncio.IncompleteReadError:
                break
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
        writer.close()

    async with server(talk) as url:
        session = open_session(Endpoint("erp", url))
        assert [await answered(session, "POST", url, b"{}") for _ in range(3)] == [b"ok"] * 3
        await session.close()
    assert connections == 1


async def test_silence_counts_from_the_last_byte() -> None:
    """One timer for all requests of a connection: each byte that comes puts it off, and a pause between requests is
    none of the server's."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        for byte in OK:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        await asked(reader)
        await asyncio.sleep(30)

    async with server(talk) as url:
        session = open_session(Endpoint("erp", url, read_timeout=0.4))
        assert await answered(session, "GET", url) == b"ok"
        await asyncio.sleep(0.6)
        began = asyncio.get_running_loop().time()
        with pytest.raises(aiohttp.SocketTimeoutError):
            await answered(session, "POST", url, b"{}")
        assert asyncio.get_running_loop().time() - began >= 0.4
        await session.close()


async def test_a_connection_that_took_an_answer_before_its_request_was_out_is_closed() -> None:
    class Busy:
        """Some of the request has not left."""

        def __init__(self, left: int) -> None:
            self.left, self.said = left, list[str]()
            self.protocol = self.transport = self

        def get_write_buffer_size(self) -> int:
            return self.left

        def close(self) -> None:
            self.said.append("close")

        def release(self) -> None:
            self.said.append("release")

    class Head:
        code = 200
        headers: ClassVar[dict[str, str]] = {}

    for left, said in ((0, "release"), (7, "close")):
        connection = Busy(left)
        content = aiohttp.StreamReader(aiohttp.base_protocol.BaseProtocol(asyncio.get_running_loop()), 100)
        response = PlainResponse("POST", URL("http://erp.test/"), Head, content, connection)  # type: ignore[arg-type]
        assert not response.closed
        content.feed_eof()
        assert response.closed
        assert connection.said == [said]
