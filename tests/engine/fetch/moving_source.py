"""A server whose rows come, change and go while it is paged, in every style of paging."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from engine_kinds import Clock

from airflow_integrations.http import Endpoint
from airflow_integrations.run import Services

__all__ = ["AFTER", "FROM", "LINK", "OFFSET", "OVERLAP", "PAGE", "PAGES", "RANGE", "TIE", "TOKEN", "URL", "Moving"]

Between = Callable[[list[dict[str, Any]], int], None]
OFFSET = {"style": "offset", "param": "offset", "total": "body.total"}
OVERLAP = {"style": "offset", "overlap": True}
PAGE = {"style": "page", "param": "page", "total": "body.total"}
PAGES = {"style": "page", "param": "page", "pages": "body.pages"}
RANGE = {"style": "range"}
TOKEN = {"style": "cursor", "next": "body.next", "param": "token"}
LINK = {"style": "link"}
URL = {"style": "next_url", "next": "body.url"}
FROM = {"style": "keyset", "param": "from", "value": "item.at", "size_param": "limit"}
AFTER = {**FROM, "param": "after", "inclusive": False}
TIE = {**AFTER, "tie": {"param": "number", "value": "item.number"}}


class Moving:
    """A server of rows, ``size`` a page. ``between`` may change them before each request but the first."""

    def __init__(self, rows: list[dict[str, Any]], between: Between, size: int) -> None:
        self.rows, self.between, self.size = rows, between, size
        self.asked = 0
        self.url = ""
        self.newest: str | None = None
        """The route's newest value, after it has settled."""

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url)

    def variable(self, name: str) -> str | None:
        return None

    async def answer(self, request: web.Request) -> web.Response:
        asked, self.asked = self.asked, self.asked + 1
        if asked:
            self.between(self.rows, asked)
        query = request.query
        rows = self.rows
        if "Range" in request.headers:
            return self.range(request.headers["Range"])
        if "token" in query or "tokens" in query:
            return self.behind_a_token(int(query.get("token", -1)))
        if "limit" in query:
            return web.json_response({"rows": self.behind(query)[: self.size]})
        start = (int(query["page"]) - 1) * self.size if "page" in query else int(query.get("offset", 0))
        counted = {"total": len(rows), "pages": -(-len(rows) // self.size)}
        return web.json_response({"rows": rows[start : start + self.size], **counted})

    def range(self, asked: str) -> web.Response:
        first, last = map(int, asked.removeprefix("items=").split("-"))
        given = self.rows[first : last + 1]
        if not given:
            return web.Response(status=416, headers={"Content-Range": f"items */{len(self.rows)}"})
        came = f"items {first}-{first + len(given) - 1}/{len(self.rows)}"
        return web.json_response({"rows": given}, status=206, headers={"Content-Range": came})

    def behind_a_token(self, token: int) -> web.Response:
        """In the order of ``number``; the token is the last one that was given."""
        listed = sorted((row for row in self.rows if row["number"] > token), key=lambda row: row["number"])
        given = listed[: self.size]
        if len(given) == len(listed):
            return web.json_response({"rows": given})
        after = f"/rows?token={given[-1]['number']}"
        body = {"rows": given, "next": str(given[-1]["number"]), "url": after}
        return web.json_response(body, headers={"Link": f'<{after}>; rel="next"'})

    def behind(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """In the order of ``at`` and ``number``, from a value, behind it, or behind a value and a number."""
        listed = sorted(self.rows, key=lambda row: (row["at"], row["number"]))
        if "number" in query:
            return [row for row in listed if (row["at"], row["number"]) > (int(query["after"]), int(query["number"]))]
        first = int(query.get("from", query.get("after", -2))) + ("after" in query)
        return [row for row in listed if row["at"] >= first]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Services]:
        app = web.Application()
        app.router.add_get("/rows", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with Services(self, now=Clock()) as services:
                yield services
                services.ledger.close()
        finally:
            await runner.cleanup()
