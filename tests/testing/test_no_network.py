from __future__ import annotations

import asyncio
import socket
import threading

import aiohttp
import pytest

from airflow_integrations.testing import NetworkBlocked, no_network


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_connections_and_names_are_refused_and_then_allowed_again(port):
    with no_network():
        with pytest.raises(NetworkBlocked, match=r"socket\.connect"), socket.socket() as stream:
            stream.connect(("127.0.0.1", port))
        with pytest.raises(NetworkBlocked, match="getaddrinfo"):
            socket.getaddrinfo("localhost", port)
        with pytest.raises(NetworkBlocked), socket.socket(type=socket.SOCK_DGRAM) as datagram:
            datagram.sendto(b"x", ("127.0.0.1", port))
    socket.create_connection(("127.0.0.1", port)).close()


def test_other_threads_are_refused_too(port):
    caught: list[BaseException] = []

    def connect() -> None:
        try:
            socket.create_connection(("127.0.0.1", port))
        except BaseException as error:
            caught.append(error)

    with no_network():
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()
    assert [type(error) for error in caught] == [NetworkBlocked]


def test_an_event_loop_and_aiohttp_are_refused(port):
    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(f"http://127.0.0.1:{port}/")

    with asyncio.Runner() as runner:
        runner.get_loop()
        with no_network(), pytest.raises(NetworkBlocked):
            runner.run(ask())


def test_blocks_within_each_other(port):
    with no_network():
        with no_network():
            pass
        with pytest.raises(NetworkBlocked):
            socket.create_connection(("127.0.0.1", port))
