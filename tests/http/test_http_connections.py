"""A surplus answer on a kept connection is never believed for the next request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from airflow_integrations.errors import UnknownOutcome
from airflow_integrations.http import Endpoint, HttpClient, Request


def answer(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Twice:
    """Answers each request with its own path, and the ones in ``surplus`` once more, so many seconds later."""

    def __init__(self, *, status: int = 200, surplus: bytes | None = None, delay: float = 0.0) -> None:
        self.status = status
        self.surplus = answer(200, "surplus") if surplus is None else surplus
        self.delay = delay
        self.connections = 0
        self.sent = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1].decode()
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.partition(b":")[2]))
                if not path.startswith("/twice"):
                    await asyncio.sleep(2 * self.delay)
                    writer.write(answer(200, path))
                elif self.delay:
                    writer.write(answer(self.status, path))
                    self._tasks.add(asyncio.create_task(self._later(writer)))
                else:
                    writer.write(answer(self.status, path) + self.surplus)
                    self.sent.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _later(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        if not writer.is_closing():
            writer.write(self.surplus)
        self.sent.set()


@asynccontextmanager
async def client_of(server: Twice) -> AsyncIterator[HttpClient]:
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        async with HttpClient(Endpoint("erp", f"http://127.0.0.1:{port}", retry_budget=0)) as client:
            yield client
    finally:
        listening.close()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - set by another loop
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("surplus", "delays"),
    [
        (answer(200, "surplus"), (0.0, 0.001, 0.01, 0.05)),
        (answer(204, "") * 2, (0.0, 0.001, 0.01, 0.05)),
        (answer(200, "surplus")[:10], (0.0, 0.001, 0.01, 0.05)),
        (answer(200, "surplus")[:-3], (0.0, 0.001, 0.01, 0.05)),
        (b"0", (0.001, 0.01, 0.05)),  # in one packet with the answer it makes that unreadable: in doubt
    ],
    ids=["whole", "two", "half a head", "half a body", "a byte"],
)
async def test_a_connection_with_bytes_that_nobody_asked_for_is_not_used_again(
    surplus: bytes, delays: tuple[float, ...]
) -> None:
    for delay in delays:
        server = Twice(delay=delay, surplus=surplus)
        async with client_of(server) as client:
            for number in range(3):
                server.sent.clear()
                got = await client.send(Request("POST", f"/twice/{number}"))
                assert got.content == f"/twice/{number}".encode()
                await until(server.sent.is_set)
                got = await client.send(Request("POST", f"/once/{number}"))
                assert got.content == f"/once/{number}".encode()
        if delay or len(surplus) > 20:  # a part of a head in the same packet shows only with the rest of it
            assert 4 <= server.connections <= 6  # once a surplus answer was seen each request has its own


async def test_bytes_that_the_loop_has_not_seen_yet_count_too() -> None:
    server = Twice(delay=0.02)
    started, over = threading.Event(), threading.Event()
    port = 0

    def serve() -> None:
        async def main() -> None:
            nonlocal port
            listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
            port = listening.sockets[0].getsockname()[1]
            started.set()
            while not over.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.01)
            listening.close()

        asyncio.run(main())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert started.wait(10)
        async with HttpClient(Endpoint("erp", f"http://127.0.0.1:{port}", retry_budget=0)) as client:
            await client.send(Request("POST", "/twice"))
            assert server.sent.wait(10)  # the event loop stands still meanwhile
            assert (await client.send(Request("POST", "/once"))).content == b"/once"
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(("status", "raises"), [(500, True), (502, True), (504, True), (408, True), (413, False)])
async def test_after_an_error_that_a_second_answer_may_follow_the_connection_is_closed(
    status: int, raises: bool
) -> None:
    """The next request leaves before the second answer is there."""
    server = Twice(status=status, delay=0.05)
    async with client_of(server) as client:
        if raises:
            with pytest.raises(UnknownOutcome):
                await client.send(Request("POST", "/twice"))
        else:
            assert (await client.send(Request("POST", "/twice"))).status == status
        assert (await client.send(Request("POST", "/once"))).content == b"/once"
    assert server.connections == 2


async def test_a_connection_that_the_server_keeps_is_used_again() -> None:
    server = Twice()
    async with client_of(server) as client:
        for number in range(50):
            assert (await client.send(Request("POST", f"/{number}", body=b"x" * 5000 * number))).status == 200
    assert server.connections == 1


async def test_once_a_server_has_answered_twice_no_late_answer_is_believed(caplog: pytest.LogCaptureFixture) -> None:
    """The next request leaves before the second answer is there."""
    server = Twice()
    async with client_of(server) as client:
        await client.send(Request("POST", "/twice"))
        server.delay = 0.02
        for number in range(3):
            assert (await client.send(Request("POST", f"/twice/{number}"))).content == f"/twice/{number}".encode()
            assert (await client.send(Request("POST", f"/{number}"))).content == f"/{number}".encode()
    assert server.connections == 7
    assert caplog.text.count("answers a request twice") == 1


async def test_a_server_that_closes_what_nobody_used_with_a_408_is_trusted() -> None:
    server = Twice(delay=0.001, surplus=answer(408, ""))
    async with client_of(server) as client:
        await client.send(Request("POST", "/twice"))
        await until(server.sent.is_set)
        for number in range(5):
            assert (await client.send(Request("POST", f"/{number}"))).status == 200
    assert server.connections == 2
