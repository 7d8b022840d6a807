from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.http import Refused, Request


async def test_a_stream_is_decoded_and_not_bounded_in_sum(serve, connect):
    async def handler(request):
        return web.Response(body=gzip.compress(b"line\n" * 500_000), headers={"Content-Encoding": "gzip"})

    client = await connect(await serve(handler), max_answer_bytes=1000)
    size = most = 0
    async with client.stream(Request("GET", "/export")) as head:
        assert head.status == 200
        async for chunk in head.chunks():
            size += len(chunk)
            most = max(most, len(chunk))
    assert size == 2_500_000
    assert most <= 256 * 1024
    async with client.stream(Request("GET", "/export")) as head:
        with pytest.raises(AnswerError, match="over 1,000 bytes"):
            await head.read()


async def test_the_head_is_waited_for_with_the_same_policy(serve, connect):
    statuses = [503, 429, 200]

    async def handler(request):
        return web.Response(status=statuses.pop(0), text="x")

    client = await connect(await serve(handler))
    async with client.stream(Request("GET", "/export")) as head:
        assert (head.status, head.attempts) == (200, 3)
        assert (await head.read()).content == b"x"
    statuses[:] = [401]
    with pytest.raises(Refused):
        async with client.stream(Request("GET", "/export")):
            pass
    statuses[:] = [404]
    async with client.stream(Request("GET", "/export")) as head:
        assert head.status == 404


async def test_a_stream_that_breaks_is_an_outage(wire, connect):
    for script in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000)[:-4],
    ):
        client = await connect(await wire(script))
        async with client.stream(Request("GET", "/export")) as head:
            with pytest.raises(OutageError, match="GET /export"):
                await head.read()


async def test_a_stream_that_is_left_gives_its_slot_back(serve, connect):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 1000)
                await asyncio.sleep(0.001)
        except ConnectionError:
            return response

    client = await connect(await serve(handler), concurrency=1)
    for _ in range(3):
        async with client.stream(Request("GET", "/export")) as head:
            async for chunk in head.chunks():
                assert chunk
                break


@pytest.mark.parametrize("header", ["gzip", "x-gzip", "gzip, utf-8", "UTF-8,gzip"])
@pytest.mark.parametrize("packed", [False, True])
async def test_content_that_came_unpacked_is_read_as_it_came(serve, connect, header, packed):
    plain = b' {"ok": true}'

    async def handler(request):
        return web.Response(body=gzip.compress(plain) if packed else plain, headers={"Content-Encoding": header})

    client = await connect(await serve(handler))
    assert (await client.send(Request("GET", "/"))).content == plain
