"""Requests for one partition of an HTTP API."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

from aiohttp import web

from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.route.partitions import partitions_of
from airflow_integrations.run import Services


async def asked(source: Any, options: dict[str, Any]) -> list[str]:
    """What the server was asked for, one partition after the other."""
    run = source.run({"connection": "shop", **options})

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/shops":
            return web.json_response([{"id": 1}, {"id": 2}])
        return web.json_response([])

    async with source.serving(handler), Services(source, sleep=source.sleep) as services:
        for partition in partitions_of(run.route, run.window):
            incoming = HttpIncoming(run.route.incoming.config, run.route)
            async with aclosing(incoming.pages(replace(run, partition=partition), services)) as pages:
                async for _ in pages:
                    pass
    return [request.path_qs for request in source.requests]


async def test_a_value_is_bound_into_the_path_percent_encoded(source: Any) -> None:
    found = await asked(source, {"path": "/{{ partition.value }}/o", "partitions": {"list": ["a b", "c/d", 7]}})
    assert found == ["/a%20b/o", "/c%2Fd/o", "/7/o"]


async def test_ends_of_a_range_are_bound_into_the_query(source: Any) -> None:
    options = {
        "path": "/o",
        "query": {"from": "{{ partition.start | date }}", "to": "{{ partition.end | date }}"},
        "partitions": {"ranges": {"from": "2026-01-30", "to": "2026-02-02", "every": "2d"}},
    }
    assert await asked(source, options) == ["/o?from=2026-01-30&to=2026-02-01", "/o?from=2026-02-01&to=2026-02-02"]


async def test_numbers_and_the_number_of_the_partition_are_bound_into_a_body(source: Any) -> None:
    ranges = {"from": 0, "to": 20, "every": 10}
    query = {"first": "{{ partition.start }}", "last": "{{ partition.end - 1 }}", "n": "{{ partition.number }}"}
    found = await asked(source, {"path": "/o", "query": query, "partitions": {"ranges": ranges}})
    assert found == ["/o?first=0&last=9&n=1", "/o?first=10&last=19&n=2"]


async def test_parents_of_for_each_are_asked_within_their_partition(source: Any) -> None:
    options = {
        "for_each": {"path": "/shops", "query": {"in": "{{ partition.value }}"}, "name": "shop", "concurrency": 1},
        "path": "/{{ partition.value }}/{{ shop.id }}",
        "partitions": {"list": ["es", "fr"]},
    }
    assert await asked(source, options) == ["/shops?in=es", "/es/1", "/es/2", "/shops?in=fr", "/fr/1", "/fr/2"]
