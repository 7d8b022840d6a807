"""Long answers, which are read as they arrive."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError, OutageError


@pytest.mark.parametrize("name", ["csv", "json_lines", "xml"])
async def test_long_answers_are_handed_on_as_they_arrive(source, name):
    count = 3500
    content = {
        "csv": "id\n" + "".join(f"{n}\n" for n in range(count)),
        "json_lines": "".join(f'{{"id": "{n}"}}\n' for n in range(count)),
        "xml": "<all>" + "".join(f"<r><id>{n}</id></r>" for n in range(count)) + "</all>",
    }[name].encode()
    source.options["max_answer_bytes"] = 1000  # a stream is not held as a whole

    async def handler(request):
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        packed = gzip.compress(content)
        for start in range(0, len(packed), 777):
            await response.write(packed[start : start + 777])
            await asyncio.sleep(0)
        return response

    config = {"format": name, "xml": {"record": "r", "container": "all"}}
    async with source.serving(handler):
        pages = await source.pages(config)
        records = [record for page in pages for record in page.values()]
        assert records == [{"id": str(n)} for n in range(count)]
        assert len(pages) > 1
        assert max(len(page.values()) for page in pages[:-1]) < count
        before = len(pages[0].values())
        assert await source.records(config, resume=pages[0].resume) == records[before:]
        content = content.replace(b"7", b"8", 1)
        with pytest.raises(AnswerError, match="saved place"):
            await source.records(config, resume=pages[0].resume)
        content = {"xml": b"<all></all>", "csv": b"id\n", "json_lines": b""}[name]
        with pytest.raises(AnswerError, match="saved place is behind"):
            await source.records(config, resume=pages[0].resume)
        assert await source.records(config) == []


async def test_streams_that_go_wrong(source):
    async def handler(request):
        if request.path == "/gone":
            return web.Response(status=404, text="no such export")
        if request.path == "/login":
            return web.Response(text="\n<html>Log in</html>")
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"id\n1\n")
        request.transport.close()
        return response

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"404 Not Found; it said: no such export"):
            await source.records({"format": "csv", "path": "/gone"})
        with pytest.raises(AnswerError, match="an HTML page came"):
            await source.records({"format": "csv", "path": "/login"})
        with pytest.raises(OutageError, match="GET /half"):
            await source.records({"format": "csv", "path": "/half"})


async def test_an_error_document_or_a_bad_row_in_a_long_answer(source):
    content = b""

    async def handler(request):
        return web.Response(body=content, headers={"Content-Encoding": "utf-8"})

    async with source.serving(handler):
        content = b"error: session expired\n"
        with pytest.raises(AnswerError, match="no column 'id'"):
            await source.records({"format": "csv"})
        content = b""
        for whole in ({}, {"error_when": "False"}):
            with pytest.raises(AnswerError, match="the CSV is empty, without even a header"):
                await source.records({"format": "csv", **whole})
            assert await source.records({"format": "csv", "csv": {"empty": "ok"}, **whole}) == []
            assert await source.records({"format": "json_lines", **whole}) == []
        content = b"id,n\n1,2\n3\n4,5\n"
        records = await source.records({"format": "csv"})
        assert [records[0], records[2]] == [{"id": "1", "n": "2"}, {"id": "4", "n": "5"}]
        assert records[1].reason.startswith("line 3: it has 1 values")
        with pytest.raises(AnswerError, match="line 3: it has 1 values"):
            await source.records({"format": "csv", "bad_records": "fail"})
