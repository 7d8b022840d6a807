"""Answers that are read record by record, and mean something else: told by their head, long or short."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming.http.options import HttpIncomingConfig

XML = {"format": "xml", "xml": {"record": "o", "container": "os"}}
CSV = {"format": "csv", "csv": {"header": ["id", "name"]}}
LINES = {"format": "json_lines"}
SHORT = {"retry_when": "False"}
"""Makes an answer one that is held as a whole."""

CASES: list[tuple[dict[str, Any], bytes, str]] = [
    (XML, b'<os status="error"><code>17</code></os>', 'body.document.os["@status"] == "error"'),
    (XML, b"<os><error>quota</error><o>1</o></os>", "body.document.os.error"),
    (CSV, b"ERROR,session expired\n1,a\n", 'body.records[0].id == "ERROR"'),
    (CSV, b"Error: session expired", 'body.text.startswith("Error")'),
    (LINES, b'{"error": "quota"}\n', "body.records[0].error"),
]


@pytest.mark.parametrize(("config", "content", "condition"), CASES)
@pytest.mark.parametrize("held", [{}, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("packed", [False, True])
async def test_what_the_head_says(
    source: Any, config: Any, content: bytes, condition: str, held: Any, packed: bool
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(content) if packed else content)

    config = {**config, **held}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"shop: GET /orders: the answer .200. means an error, as error") as told:
            await source.records({**config, "error_when": condition})
        assert "\N{REPLACEMENT CHARACTER}" not in str(told.value)
        assert await source.records({**config, "empty_when": condition}) == []


@pytest.mark.parametrize("held", [{}, SHORT], ids=["long", "short"])
async def test_the_head_of_a_good_answer(source: Any, held: Any) -> None:
    lines = b"".join(b'{"id": %d}\n' % n for n in range(20_000))

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=lines)

    config = {**LINES, **held, "error_when": "body.records[0].error", "empty_when": "not body.records"}
    async with source.serving(handler):
        assert len(await source.records(config)) == 20_000
        lines = b"\n"
        assert await source.records({**LINES, **held, "empty_when": "not body.records"}) == []


@pytest.mark.parametrize("held", [{}, SHORT], ids=["long", "short"])
async def test_a_refusal_that_means_that_there_is_nothing(source: Any, held: Any) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404, text="no orders today")

    async with source.serving(handler):
        nothing = 'status == 404 and body.text == "no orders today"'
        assert await source.records({**CSV, **held, "empty_when": nothing}) == []
        with pytest.raises(AnswerError, match="404 Not Found; it said: no orders today"):
            await source.records({**CSV, **held, "empty_when": "status == 410"})


async def test_an_answer_in_text_that_means_later(source: Any) -> None:
    answers = ["not ready", "not ready", "id,name\n1,a\n"]

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=answers.pop(0))

    async with source.serving(handler):
        config = {"format": "csv", "retry_when": 'body.text == "not ready"'}
        assert await source.records(config) == [{"id": "1", "name": "a"}]
    assert answers == []


@pytest.mark.parametrize("condition", ["body[0].error", "not body", "body.error", '"no" in body'])
@pytest.mark.parametrize("config", [CSV, LINES, XML])
def test_what_a_head_has_not_is_told_by_validate(config: Any, condition: str) -> None:
    for name in ("error_when", "empty_when", "retry_when"):
        with pytest.raises(ValueError, match=f"{name} sees its head: body.text, body.records"):
            HttpIncomingConfig(connection="shop", path="/", **config, **{name: condition})
    HttpIncomingConfig(connection="shop", path="/", format="json", error_when=condition)
    HttpIncomingConfig(connection="shop", path="/", **config, error_when="body.records[0].id or status == 207")
