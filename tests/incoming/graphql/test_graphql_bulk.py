"""Bulk operations of a GraphQL API are jobs: what docs/systems/graphql.md shows, against a server that behaves so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aiohttp import web

from airflow_integrations.route_files.parser import parse

GUIDE = Path(__file__).parents[3] / "docs" / "systems" / "graphql.md"


def shown() -> dict[str, Any]:
    """The options of the guide's example."""
    text = GUIDE.read_text(encoding="utf-8")
    (found,) = (
        block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "bulkOperationRunQuery" in block
    )
    node, mistakes = parse(found.encode(), "graphql.md")
    assert node is not None
    assert not mistakes
    options: dict[str, Any] = node.plain()["http"]
    return {**options, "connection": "shop", "path": None}


async def test_a_bulk_operation_is_created_polled_and_downloaded(source: Any) -> None:
    asked: list[dict[str, Any]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/result.jsonl":
            return web.Response(text='{"id": "1", "total": 1.10}\n{"id": "2", "total": 2}\n')
        body = await request.json()
        asked.append(body)
        if "bulkOperationRunQuery" in body["query"]:
            operation = {"id": "gid://shopify/BulkOperation/1", "status": "CREATED"}
            return web.json_response(
                {"data": {"bulkOperationRunQuery": {"bulkOperation": operation, "userErrors": []}}}
            )
        done = len(asked) > 2
        node = {"status": "COMPLETED" if done else "RUNNING", "url": f"{source.url}/result.jsonl" if done else None}
        return web.json_response({"data": {"node": {**node, "objectCount": "2"}}})

    async with source.serving(handler):
        records = await source.records(shown())
    assert json.loads(json.dumps(records, default=str)) == [{"id": "1", "total": "1.10"}, {"id": "2", "total": 2}]
    assert "updated_at:>='2026-01-31T00:00:00Z'" in asked[0]["variables"]["query"]
    assert [one["variables"] for one in asked[1:]] == [{"id": "gid://shopify/BulkOperation/1"}] * 2
