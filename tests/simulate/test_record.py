"""Answers that are streamed are recorded too, and one that was left early is cut at a whole line."""

from __future__ import annotations

from airflow_integrations.http import Endpoint, Request
from airflow_integrations.simulate.record import RecordingServices
from airflow_integrations.simulate.recorded import Answered
from airflow_integrations.simulate.replay import RecordedSystem, Recording
from airflow_integrations.simulate.replay_client import ReplayClient

LINES = "".join(f'{{"id": {number}}}\n' for number in range(3)) + '{"id": 3}'


class Recorder(RecordingServices):
    """Records what a recording answers, which spares a server."""

    def __init__(self) -> None:
        super().__init__(None)
        headers = {"Content-Type": "application/jsonl", "Set-Cookie": "secret"}
        self.system = RecordedSystem("shop", [Answered.model_validate({"to": {}, "text": LINES, "headers": headers})])
        self.known = Recording([self.system])

    async def client(self, connection):
        client = ReplayClient(Endpoint(connection, self.system.base_url), self.system.handle)
        self._clients[connection] = await self._stack.enter_async_context(client)
        self._keep(connection, client)
        return client


async def test_a_stream_read_to_its_end():
    async with Recorder() as services:
        client = await services.client("shop")
        async with client.stream(Request("GET", "/a?x=1", (("y", "2"),))) as head:
            assert b"".join([chunk async for chunk in head.chunks()]).decode() == LINES
    (recorded,) = services.recorded
    assert recorded.content.decode() == LINES
    assert (recorded.path, recorded.query) == ("/a", (("x", "1"), ("y", "2")))
    assert [name.lower() for name in recorded.headers] == ["content-type"]


async def test_a_stream_left_early():
    async with Recorder() as services:
        client = await services.client("shop")
        async with client.stream(Request("GET", "/")) as head:
            async for _ in head.chunks():
                break
    assert services.recorded[0].content.decode() == LINES[: LINES.rindex("\n") + 1]


async def test_a_parameter_that_was_sent_several_times_is_told_and_found_again():
    asked = {"query": {"f": ["a", "b"], "x": "1"}}
    system = RecordedSystem("shop", [Answered.model_validate({"to": asked, "body": {"id": 7}})])
    async with ReplayClient(Endpoint("shop", system.base_url), system.handle) as client:
        assert (await client.send(Request("GET", "/", (("f", "a"), ("x", "1"), ("f", "b"))))).content == b'{"id":7}'
        await client.send(Request("GET", "/", (("f", "b"), ("x", "1"), ("f", "a"))))
        await client.send(Request("GET", "/", (("f", "a"), ("x", "1"))))
    assert [heard.parameters for heard in system.unanswered] == [{"f": ["b", "a"], "x": "1"}, {"f": "a", "x": "1"}]
