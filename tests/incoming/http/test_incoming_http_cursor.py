from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.http import Endpoint
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.ledger.runs.runs import find_run, finish_run, route_state
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")


class Shop:
    """Orders with a sequence number; it answers those from ``since`` on, two a page."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sequence = 5
        self.url = ""

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url)

    def variable(self, name: str) -> str | None:
        return None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.query_string)
        since, page = int(request.query.get("since", "0")), int(request.query["page"])
        found = [{"number": n, "meta": {"sequence": n}} for n in range(1, self.sequence + 1) if n >= since]
        return web.json_response({"orders": found[2 * page - 2 : 2 * page]})


async def test_every_run_asks_for_what_is_newer_than_what_came(source, tmp_path):
    shop = Shop()
    http = {
        "connection": "shop",
        "path": "/orders",
        "query": {"until": "{{ window.end }}"},
        "records": "body.orders",
        "pagination": {"style": "page", "size": 2},
        "cursor": {"field": "meta.sequence", "param": "since", "initial": 2, "lag": 1},
    }
    route = Route.load(
        {"route": "orders", "entity": {"key": "entity.number"}, "incoming": {"http": http}, "outgoing": {"none": {}}}
    )
    async with source.serving(shop.answer):
        shop.url = source.url
        async with Services(shop) as services:
            # the first run has several pages, so that its last one is read once more before the cursor passes it
            for number, expected in enumerate([4, 4, 4, 4, 2], 1):
                run = Run(route, f"run-{number}", WINDOW)
                manifest = await fetch(run, services, Staging(tmp_path, "orders", run.run_id))
                assert manifest.counts["fetched"] == expected
                ref = find_run(services.ledger, "orders", run.run_id)
                assert ref is not None
                books: dict[str, Any] = {
                    "counts": {},
                    "seconds": {},
                    "verdict": None,
                    "bytes": 0,
                    "covered": None,
                    "now": 0.0,
                }
                finish_run(services.ledger, ref, cursor=manifest.cursor, newest=manifest.newest, **books)
                shop.sequence = 5 if number == 1 else 7
            assert route_state(services.ledger, "orders").cursor == "7"
            services.ledger.close()
    assert shop.asked[0] == "until=2026-01-02T00:00:00Z&since=2&page=1"
    assert [query.partition("since=")[2].partition("&")[0] for query in shop.asked if "page=1" in query] == [
        "2",
        "2",
        "4",
        "4",
        "6",
    ]


@pytest.mark.parametrize(
    ("more", "where"),
    [({"query": {"since": "1"}}, "query"), ({"pagination": {"style": "offset", "param": "since"}}, "pagination")],
)
def test_a_parameter_has_one_value(more, where):
    cursor = {"field": "at", "param": "since"}
    with pytest.raises(ValueError, match=f"'since' stands in {where}"):
        HttpIncoming.Config.model_validate({"connection": "shop", "path": "/", "cursor": cursor, **more})
