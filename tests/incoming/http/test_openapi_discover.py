"""The lists of an API by its OpenAPI document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import SetupError
from airflow_integrations.http import Endpoint
from airflow_integrations.incoming.http.options import HttpIncomingConfig
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.run import Services

ORDER = {
    "type": "object",
    "required": ["id", "total"],
    "properties": {
        "id": {"type": "integer"},
        "total": {"type": "number"},
        "note": {"type": ["string", "null"], "maxLength": 40},
        "updated_at": {"type": "string", "format": "date-time"},
        "parent": {"$ref": "#/components/schemas/Order"},
    },
}


def listing(answer: Any, *query: str, **more: Any) -> dict[str, Any]:
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in query]
    content = {"application/json": {"schema": answer}}
    return {"get": {"parameters": parameters, "responses": {"200": {"content": content, **more}}}}


REF = {"$ref": "#/components/schemas/Order"}
MANY = {"type": "array", "items": REF}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "components": {
        "schemas": {
            "Order": {"allOf": [ORDER]},
            "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]},
        }
    },
    "paths": {
        "/bare": listing(MANY, "updated_since"),
        "/cursors": listing({"properties": {"data": MANY, "next_cursor": {"type": "string"}}}, "cursor", "limit"),
        "/links": listing(MANY, headers={"Link": {}}),
        "/loops": listing({"$ref": "#/components/schemas/Loop"}),
        "/of/{customer}": {
            "parameters": [{"name": "customer", "in": "path", "required": True}],
            **listing(MANY),
        },
        "/offsets": listing({"properties": {"items": MANY}}, "offset", "limit"),
        "/one": listing(REF),
        "/pages": listing(MANY, "page", "per_page"),
        "/urls": listing({"properties": {"results": MANY, "next": {"type": "string"}}}),
    },
}


class Away:
    """No request may be needed."""

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, "http://127.0.0.1:1", retry_budget=0.1)

    def variable(self, name: str) -> str | None:
        return None


async def look(place: str | None, **bounds: Any) -> Discovery:
    async with Services(Away()) as services:
        found = await HttpIncoming.discover("erp", place, services, Bounds(**bounds))
        assert isinstance(found, Discovery)
        return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


async def test_lists_with_paging_and_keys_that_are_marked_as_guesses(file: Path) -> None:
    found = {each.name.partition("#")[2]: each for each in (await look(str(file))).collections}
    size = {"size": 100}
    assert {path: (each.incoming or {}).get("pagination") for path, each in found.items()} == {
        "/bare": None,
        "/cursors": {"style": "cursor", "next": "body.next_cursor", "param": "cursor"},
        "/links": {"style": "link"},
        "/of/{customer}": None,
        "/offsets": {"style": "offset", "param": "offset", **size, "size_param": "limit"},
        "/pages": {"style": "page", "param": "page", **size, "size_param": "per_page"},
        "/urls": {"style": "next_url", "next": "body.next"},
    }
    assert found["/of/{customer}"].incoming is None
    assert found["/of/{customer}"].about["needs"] == "customer"
    assert found["/bare"].about["asks for changes by"] == "updated_since"
    orders = found["/cursors"]
    assert (orders.key, orders.guessed) == (("id",), ("records", "paging", "key"))
    assert [(field.name, field.meaning, field.nullable) for field in orders.fields] == [
        ("id", "integer", False),
        ("total", "number", False),
        ("note", "string", True),
        ("updated_at", "datetime", True),
        ("parent", "object", True),
    ]
    for each in found.values():
        if each.incoming is not None:
            HttpIncomingConfig.model_validate({"connection": "erp", **each.incoming})


async def test_one_list_pages_and_yaml(file: Path, tmp_path: Path) -> None:
    assert [each.name for each in (await look(f"{file}#/pages")).collections] == [f"{file}#/pages"]
    assert (await look(str(file), most=2)).left_out == 5
    swagger = tmp_path / "old.yaml"
    swagger.write_text(
        "swagger: '2.0'\npaths:\n  /orders:\n    get:\n      responses:\n        200:\n          schema:\n"
        "            type: array\n            items: {type: object, properties: {id: {type: integer}}}\n"
    )
    assert [each.key for each in (await look(str(swagger))).collections] == [("id",)]
    with pytest.raises(SetupError, match="describes no list at /nothere"):
        await look(f"{file}#/nothere")
    with pytest.raises(SetupError, match="only the Connection's own address is asked"):
        await look("https://evil.example/openapi.json")


async def test_the_document_is_asked_for_where_apis_usually_have_it() -> None:
    async def document(request: web.Request) -> web.Response:
        return web.json_response(DOCUMENT)

    app = web.Application()
    app.router.add_get("/v3/api-docs", document)

    class Here(Away):
        def endpoint(self, connection: str) -> Endpoint:
            return Endpoint(connection, str(server.make_url("")).rstrip("/"))

    async with TestServer(app) as server, Services(Here()) as services:
        found = await HttpIncoming.discover("erp", None, services, Bounds())
        assert isinstance(found, Discovery)
        assert found.collections[0].name == "/v3/api-docs#/bare"
        assert "GET /wrong: 404" in str(await HttpIncoming.discover("erp", "/wrong", services, Bounds()))
