"""Route tests and ``preview --record`` know parents, jobs, and files of other hosts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.http import Bearer, Endpoint
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.simulate.record import RecordingServices
from airflow_integrations.simulate.replay import ReplayServices
from airflow_integrations.window import Window

JOB = {
    "job": {
        "create": {"path": "/exports"},
        "id": "body.id",
        "poll": {"path": "/exports/{{ job.id }}", "until": "body.url"},
        "download": {"url": "body.url"},
    },
    "format": "csv",
}


def run_of(config: dict[str, Any]) -> Run:
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.id"},
        "incoming": {"http": {"connection": "shop", **config}},
        "outgoing": {"none": {}},
    }
    return Run(Route.load(definition), "run-1", Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"))


async def records(run: Run, services: Services) -> list[Any]:
    incoming = HttpIncoming(run.route.incoming.config, run.route)
    return [record async for page in incoming.pages(run, services) for record in page.values()]


async def test_a_job_whose_file_is_on_another_host_runs_from_a_recording() -> None:
    answers: dict[str, list[dict[str, Any]]] = {
        "shop": [
            {"to": {"method": "POST", "path": "/exports"}, "body": {"id": 7}},
            {"to": {"path": "/exports/7"}, "body": {"url": None}},
            {"to": {"path": "/exports/7"}, "body": {"url": "https://files.example/7.csv?signature=s3cr3t"}},
            {"to": {"path": "/7.csv"}, "text": "id\n1\n2\n"},
        ]
    }
    async with ReplayServices.of(answers) as services:
        before = services.now()
        assert await records(run_of(JOB), services) == [{"id": "1"}, {"id": "2"}]
        assert services.now() - before == 20.0, "nobody waits for it"
        assert services.recording.unanswered == []


async def test_the_children_of_parents_run_from_a_recording() -> None:
    config: dict[str, Any] = {
        "for_each": {"path": "/places", "name": "place"},
        "path": "/places/{{ place.id }}",
    }
    answers: dict[str, list[dict[str, Any]]] = {
        "shop": [
            {"to": {"path": "/places"}, "body": [{"id": 1}, {"id": 2}]},
            {"to": {"path": "/places/2"}, "body": [{"id": "b"}]},
            {"to": {"path": "/places/1"}, "body": [{"id": "a"}]},
        ]
    }
    async with ReplayServices.of(answers) as services:
        assert await records(run_of(config), services) == [{"id": "a"}, {"id": "b"}]


@pytest.fixture
async def hosts() -> AsyncIterator[tuple[str, str]]:
    async def files(request: web.Request) -> web.Response:
        return web.Response(text="id\n1\n")

    async def exports(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.json_response({"id": 7})
        return web.json_response({"url": f"{urls[0]}/7.csv?signature=s3cr3t"})

    urls: list[str] = []
    runners = []
    for handler in (files, exports):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield urls[0], urls[1]
    for runner in runners:
        await runner.cleanup()


async def test_what_is_recorded_of_another_host_has_no_signature(hosts: tuple[str, str]) -> None:
    class Connections:
        def endpoint(self, connection: str) -> Endpoint:
            return Endpoint(connection, hosts[1], auth=Bearer("very-secret-token"))

        def variable(self, name: str) -> str | None:
            return None

    async def at_once(seconds: float) -> None: ...

    async with RecordingServices(Connections(), sleep=at_once) as services:
        assert await records(run_of(JOB), services) == [{"id": "1"}]
    file = services.recorded[-1]
    assert (file.connection, file.path, file.query) == ("shop", "/7.csv", ())
    assert "s3cr3t" not in json.dumps([file.path, file.query])
