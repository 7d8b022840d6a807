from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

from airflow_integrations.simulate.memory_network import MemoryConnector
from airflow_integrations.simulate.recorded import Answered
from airflow_integrations.simulate.replay import RecordedSystem
from airflow_integrations.testing import Recording, ReplayServices, no_network


async def test_requests_and_answers_of_any_size_and_number():
    async def echo(request: web.BaseRequest) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-Path": request.path_qs})

    body = b"0123456789" * 300_000
    with no_network():
        async with aiohttp.ClientSession(connector=MemoryConnector(echo)) as session:
            async with session.post("https://anywhere.example/a%2Fb?c=1%202", data=body) as response:
                assert await response.read() == body
                assert response.headers["X-Path"] == "/a%2Fb?c=1%202"
            answers = await asyncio.gather(*(session.get(f"http://other.example/{number}") for number in range(50)))
            assert [answer.headers["X-Path"] for answer in answers] == [f"/{number}" for number in range(50)]
            for answer in answers:
                answer.release()


async def asked(system: RecordedSystem, *requests):
    from airflow_integrations.http import Request

    async with ReplayServices(Recording([system])) as services:
        client = await services.client(system.connection)
        return [await client.send(Request(*request)) for request in requests]


async def test_answers_in_their_order_and_for_just_a_request():
    system = RecordedSystem(
        "shop",
        [
            Answered.model_validate({"body": 1}),
            Answered.model_validate({"to": {"method": "POST"}, "status": 201, "body": "first"}),
            Answered.model_validate({"to": {"method": "POST"}, "status": 201, "body": "later"}),
            Answered.model_validate({"to": {"path": "/x", "query": {"a": "b"}}, "body": "x"}),
            Answered.model_validate({"body": 2}),
        ],
        "https://shop.example/base/",
    )
    requests = [
        ("GET", "/y"),
        ("POST", "/y"),
        ("POST", "/y"),
        ("POST", "/y"),
        ("GET", "/x", (("a", "b"), ("c", "d"))),
        ("GET", "/x"),
        ("GET", "/z"),
    ]
    answers = await asked(system, *requests)
    assert [answer.content for answer in answers[:6]] == [b"1", b'"first"', b'"later"', b'"later"', b'"x"', b"2"]
    assert answers[6].status == 404
    assert [str(heard) for heard in system.unanswered] == ["GET /z"]
    assert [heard.path for heard in system.heard] == ["/y", "/y", "/y", "/y", "/x", "/x", "/z"]


async def test_retries_take_no_time():
    system = RecordedSystem(
        "shop", [Answered.model_validate({"status": 503})] * 5 + [Answered.model_validate({"body": "there"})]
    )
    (answer,) = await asked(system, ("GET", "/"))
    assert (answer.attempts, answer.content) == (6, b'"there"')


async def test_an_agreeable_recording_answers_everything():
    recording = Recording([RecordedSystem("erp")])
    recording.agree()
    from airflow_integrations.http import Request

    async with ReplayServices(recording) as services:
        for connection in ("erp", "never-heard-of"):
            answer = await (await services.client(connection)).send(Request("POST", "/", body=b"{}"))
            assert (answer.status, answer.content) == (200, b"{}")
    assert recording.unanswered == []
