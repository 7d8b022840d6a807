"""A server whose records change while they are read, in whatever order it lists them, and a route that follows it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from engine_kinds import Clock

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.segment_lines import read_entities
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import AnswerError
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

__all__ = ["Changing", "Follower", "followed", "incoming"]

BREAK = "break"
SHOPS = 3


@dataclass
class Changing:
    """``script`` says what happens before the answer to a request, by its number from 1: keys that are written, and
    BREAK for an answer that ends the fetch. ``order`` is ``key``, ``value`` or ``newest``."""

    order: str
    size: int
    script: Mapping[int, Iterable[str]]
    clock: Clock = field(default_factory=Clock)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    rev: int = 0
    asked: int = 0
    url: str = ""
    refuses: bool = False
    """It does not know a token from before a break."""
    broke: bool = False

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url)

    def variable(self, name: str) -> str | None:
        return None

    def write(self, key: str) -> None:
        self.rev += 1
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="microseconds")
        self.records[key] = {"number": key, "rev": self.rev, "at": at}

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        self.clock.now += 2.0
        for what in self.script.get(self.asked, ()):
            if what == BREAK:
                self.broke = True
                return web.json_response({}, status=400)
            self.write(what)
        if request.path.startswith("/records/"):
            return web.json_response(self.records[request.path.rpartition("/")[2]])
        if request.path == "/shops":
            return web.json_response({"rows": [{"id": number} for number in range(SHOPS)]})
        token = request.query.get("token")
        if token is not None and self.refuses and self.broke:
            self.broke = False
            return web.json_response({}, status=410)
        return self._page(request.query, token)

    def _page(self, query: Mapping[str, str], token: str | None) -> web.Response:
        listed = [record for record in self.records.values() if self._newer(record, query.get("since"))]
        if "shop" in query:
            listed = [record for record in listed if sum(record["number"].encode()) % SHOPS == int(query["shop"])]
        listed.sort(key=self._place, reverse=self.order == "newest")
        start = int(query.get("offset", 0))
        if token is not None:
            passed = (lambda place: place < token) if self.order == "newest" else (lambda place: place > token)
            listed = [record for record in listed if passed(self._place(record))]
        given = listed[start : start + self.size]
        more = {"next": self._place(given[-1])} if len(listed) > start + self.size else {}
        return web.json_response({"rows": given, "total": len(listed), **more})

    def _place(self, record: dict[str, Any]) -> str:
        return record["number"] if self.order == "key" else f"{record['rev']:06d}"

    def _newer(self, record: dict[str, Any], since: str | None) -> bool:
        if since is None:
            return True
        if since.isdecimal():
            return bool(record["rev"] > int(since))
        return datetime.fromisoformat(record["at"]) > datetime.fromisoformat(since)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Services]:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with Services(self, now=self.clock) as services:
                yield services
                services.ledger.close()
        finally:
            await runner.cleanup()


def incoming(by: str, **more: Any) -> dict[str, Any]:
    asking = {
        "connection": "shop",
        "path": "/records",
        "records": "body.rows",
        "cursor": {"field": by, "param": "since"},
    }
    return {"http": {**asking, "pagination": {"style": "cursor", "next": "body.next", "param": "token"}, **more}}


class Follower:
    """Runs of one route, one after the other. ``has`` is the last state of each key that came."""

    def __init__(self, source: Changing, route: dict[str, Any], services: Services, folder: Path) -> None:
        self.source, self.services, self.folder = source, services, folder
        definition = {"route": "orders", "entity": {"key": "entity.number"}, "outgoing": {"none": {}}, **route}
        self.route = Route.load(definition)
        self.has: dict[str, dict[str, Any]] = {}
        self.runs = 0
        self.cursor: str | None = None
        self.since: list[str | None] = []
        """What each run asked for."""
        self.came: list[int] = []
        """How many records each run fetched."""

    async def run(self, tries: int = 5) -> None:
        self.runs += 1
        moment = datetime.fromtimestamp(self.source.clock(), UTC)
        run = Run(self.route, f"run-{self.runs}", Window(moment.replace(year=2026), moment))
        staging = Staging(self.folder, "orders", run.run_id)
        for one in range(tries):
            try:
                manifest = await fetch(run, self.services, staging)
                break
            except AnswerError:
                assert one < tries - 1
                self.source.clock.now += 300.0
        for block in read_entities(staging.blocks(manifest.segments), lambda *_: None):
            for entity in block:
                known = self.has.get(entity.key)
                if known is None or entity.value["rev"] > known["rev"]:
                    self.has[entity.key] = entity.value
        self.since.append(manifest.since)
        self.came.append(manifest.counts["fetched"])
        await transform(run, self.services, staging)
        await settle(run, self.services, staging)
        self.cursor = route_state(self.services.ledger, "orders").cursor
        self.source.clock.now += 600.0


async def followed(
    source: Changing,
    route: dict[str, Any],
    folder: Path,
    runs: int,
    before: Callable[[int], None] = lambda number: None,
) -> Follower:
    """So many runs; ``before`` is called with the number of each."""
    async with source.serving() as services:
        follower = Follower(source, route, services, folder)
        for number in range(1, runs + 1):
            before(number)
            await follower.run()
        return follower
