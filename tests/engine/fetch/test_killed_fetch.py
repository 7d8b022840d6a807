"""A fetch that is killed at any request goes on: no record is lost or comes twice, and no job is created again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from engine_kinds import Clock

from airflow_integrations.engine.fetch import at_work
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.segment_lines import read_entities
from airflow_integrations.errors import OutageError
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

ROWS = 2400
PLACES = {1: 5, 2: 0, 3: 2, 4: 7}
STYLES: dict[str, dict[str, Any]] = {
    "for_each": {
        "for_each": {
            "path": "/places",
            "records": "body.places",
            "name": "place",
            "pagination": {"style": "cursor", "next": "body.next", "param": "after"},
            "concurrency": 1,
        },
        "path": "/places/{{ place.id }}",
        "records": "body.stock",
        "pagination": {"style": "cursor", "next": "body.next", "param": "after"},
    },
    "job": {
        "job": {
            "create": {"path": "/exports"},
            "id": "body.id",
            "poll": {"path": "/exports/{{ job.id }}", "until": "body.ready"},
            "download": {"path": "/exports/{{ job.id }}/file"},
        },
        "format": "csv",
    },
    "range": {"path": "/ranged", "pagination": {"style": "range", "size": 3}},
    "cursor in a header": {
        "path": "/ranged",
        "pagination": {"style": "cursor", "next": 'headers["x-next"]', "param": "X-After", "in": "header"},
    },
}
EXPECTED = {
    "for_each": [f"{place}-{number}" for place, count in PLACES.items() for number in range(count)],
    "job": [str(number) for number in range(ROWS)],
    "range": [str(number) for number in range(10)],
    "cursor in a header": [str(number) for number in range(10)],
}


class Source:
    """``killed_at``: while it is asked for the so-manieth time, the fetch is killed; ``broken``: it breaks off."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.created = self.polled = 0
        self.kill_at = 0
        self.kill: Any = None
        self.broken = False

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, retry_budget=0)

    def variable(self, name: str) -> str | None:
        return None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        if len(self.asked) == self.kill_at:
            if self.broken:
                return web.Response(status=503)
            self.kill()
            await asyncio.sleep(0)
        return self.answer(request)

    def answer(self, request: web.Request) -> web.StreamResponse:
        after, parts = int(request.query.get("after", 0)), request.path.strip("/").split("/")
        if request.method == "POST":
            self.created += 1
            return web.json_response({"id": self.created})
        if parts[0] == "exports":
            if parts[-1] == "file":
                return web.Response(text="id\n" + "".join(f"{number}\n" for number in range(ROWS)))
            self.polled += 1
            return web.json_response({"ready": self.polled > 2})
        if parts[0] == "ranged":
            start = int(
                request.headers.get("X-After", request.headers.get("Range", "items=0-").split("=")[1].split("-")[0])
            )
            found = [{"id": str(number)} for number in range(start, min(start + 3, 10))]
            headers = {"Content-Range": f"items {start}-{start + len(found) - 1}/10"}
            if start + 3 < 10:
                headers["X-Next"] = str(start + 3)
            return web.json_response(found, headers=headers)
        names = list(PLACES)
        if len(parts) == 1:
            more = after + 2 if after + 2 < len(names) else None
            return web.json_response({"places": [{"id": name} for name in names[after : after + 2]], "next": more})
        count = PLACES[int(parts[1])]
        stock = [{"id": f"{parts[1]}-{number}"} for number in range(count)][after : after + 2]
        return web.json_response({"stock": stock, "next": after + 2 if after + 2 < count else None})


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    source = Source()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", source.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    source.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield source
    await runner.cleanup()


@pytest.mark.parametrize("broken", [False, True], ids=["killed", "broken off"])
@pytest.mark.parametrize("style", STYLES)
async def test_from_any_request_on(
    style: str, broken: bool, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if style != "job":  # each page is committed, as a slow source's are; a job's place is in any case
        monkeypatch.setattr(at_work, "COMMIT_SECONDS", 0.0)
    source.broken = broken
    source.kill_at = 1
    while await survives(style, source, tmp_path / str(source.kill_at)):
        source.kill_at += 1
    assert source.kill_at > 4


async def survives(style: str, source: Source, folder: Path) -> bool:
    """Whether the fetch came to the request at which it was to be killed."""
    source.asked, source.created, source.polled = [], 0, 0
    route = Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"http": {"connection": "shop", **STYLES[style]}},
            "outgoing": {"none": {}},
        }
    )
    run = Run(route, "run-1", Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"))
    staging, clock, ledger = Staging(folder, "orders", "run-1"), Clock(), Ledger.temporary()

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    async def attempt() -> Any:
        async with Services(source, now=clock, sleep=at_once, ledger=ledger) as services:
            return await fetch(run, services, staging)

    first = asyncio.create_task(attempt())
    source.kill = first.cancel
    outcome: Any = (await asyncio.gather(first, return_exceptions=True))[0]
    came = len(source.asked) >= source.kill_at
    assert isinstance(outcome, OutageError if source.broken else asyncio.CancelledError) or not came, outcome
    manifest = outcome if not came else await attempt()
    found = [
        entity.key for block in read_entities(staging.blocks(manifest.segments), lambda *_: None) for entity in block
    ]
    assert found == EXPECTED[style], (source.kill_at, source.asked)
    assert manifest.counts["fetched"] == len(found)
    if style == "job" and source.kill_at > 1:
        assert source.created == 1, json.dumps(source.asked)
    ledger.close()
    return came
