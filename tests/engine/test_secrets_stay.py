"""Planted secrets are looked for in everything that a run leaves behind, whatever goes wrong and whoever says them."""

from __future__ import annotations

import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from bad_input_scene import Handler, Outcome, Scene, half, no_http, orders, reset, serve_on_loopback, silence

from airflow_integrations.compression import open_reader
from airflow_integrations.http import ApiKey, Basic, Bearer, HttpClient, OAuth2ClientCredentials
from airflow_integrations.http.redaction import Redaction, url_without_secrets

PASSWORD = "pa55/w+rd-planted"
TOKEN = "tok-planted-0123456789"
HEADER = "hdr-planted-abcdef"
SECRETS = {
    "basic": (PASSWORD, b64encode(f"joe:{PASSWORD}".encode()).decode()),
    "bearer": (TOKEN,),
    "key in query": (PASSWORD, quote(PASSWORD, safe="")),
    "key in header": (TOKEN,),
    "oauth": (PASSWORD, TOKEN),
}


def said_back(code: int, kind: str = "text/plain", before: str = "") -> Handler:
    """A server that repeats what it was sent: headers, query and all."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        sent = " ".join(f"{name}={value}" for name, value in request.headers.items())
        query = f"{request.raw_path} {dict(request.query)}"
        return web.Response(status=code, text=f"{before}{query} {sent}", content_type=kind)

    return answer


async def sends_on(request: web.Request) -> web.Response:
    there = "http://other.example/?" + request.query_string
    return web.Response(status=302, headers={"Location": there})


async def next_with_key(request: web.Request) -> web.Response:
    """As many APIs do: the next link repeats the whole query, the key included. The second page is no page."""
    if "page" in request.query:
        return web.Response(status=503, text=request.query_string)
    following = request.path_qs + ("&" if request.query_string else "?") + "page=2"
    return web.json_response({"orders": [{"number": 1}], "next": following})


async def results_with_reasons(request: web.Request) -> web.Response:
    why = f"not with {request.headers} {request.query_string}"
    return web.json_response([{"ok": False, "why": why} for _ in await request.json()])


ONE = orders({"number": 1}, {"number": 2})
BULK = {
    "delivery": {"batch": 2},
    "outgoing": {"results": {"items": "body", "ok": "item.ok", "reason": "item.why"}},
}
CASES: list[tuple[Handler, Handler | None, dict[str, Any]]] = [
    (ONE, None, {}),
    *((said_back(code), None, {}) for code in (200, 400, 401, 403, 404, 429, 500)),
    (said_back(200, "text/html", "<html>"), None, {}),
    (said_back(200, "application/json", '{"orders": ['), None, {}),
    (said_back(200, "application/json", '"'), None, {"incoming": {"error_when": "True"}}),
    *((broken, None, {}) for broken in (no_http, reset, half, silence, sends_on)),
    (next_with_key, None, {"incoming": {"pagination": {"style": "next_url", "next": "body.next"}}}),
    *((ONE, said_back(code), {}) for code in (302, 401, 403, 409, 422, 429, 500)),
    (ONE, said_back(200, "text/html", "<html>"), {}),
    (ONE, said_back(200), {"outgoing": {"success_when": "body.ok"}}),
    (ONE, said_back(422), {"delivery": {"batch": 2}}),
    (ONE, results_with_reasons, BULK),
    *((ONE, broken, {}) for broken in (no_http, reset, half, silence)),
    (ONE, said_back(500), {"outgoing": {"upsert": {"find": {"path": "/f"}, "create": {"path": "/c"}}}}),
]


def left_behind(scene: Scene, outcome: Outcome) -> str:
    """Everything: log with tracebacks, errors and their causes, problems, the balance, every file of the staging."""
    texts = [outcome.log, outcome.text, repr(outcome.problems), repr(outcome.balance), repr(outcome.error)]
    error: BaseException | None = outcome.error
    if error is not None:
        texts.append("".join(traceback.format_exception(error)))
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__
    for path in scene.folder.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            if path.name.endswith(".zst"):
                with path.open("rb") as opened, open_reader(opened) as stream:
                    raw = stream.read()
            texts += [path.name, raw.decode("utf-8", "replace")]
    return "\n".join(texts)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("case", range(len(CASES)))
async def test_no_secret_is_left_behind(kind: str, case: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_integrations.staging.SEGMENT_ENTITIES", 1)
    source, target, definition = CASES[case]
    scene = Scene(tmp_path)
    scene.options |= {"headers": {"X-Plant": HEADER}}

    async def token(request: web.Request) -> web.Response:
        return web.json_response({"access_token": TOKEN, "token_type": "Bearer"})

    tokens = await serve_on_loopback(token)
    url = f"http://127.0.0.1:{tokens.addresses[0][1]}/token"
    auth = {
        "basic": Basic("joe", PASSWORD),
        "bearer": Bearer(TOKEN),
        "key in query": ApiKey("api_key", PASSWORD, "query"),
        "key in header": ApiKey("X-Key", TOKEN),
        "oauth": OAuth2ClientCredentials(url, "client", PASSWORD),
    }[kind]
    scene.auth = {"shop": auth, "erp": auth}
    try:
        outcome = await scene.run(source, target, **definition)
    finally:
        await tokens.cleanup()
    asked = scene.source_requests if target is None else scene.target.requests
    assert asked, "it was asked for something"
    where = left_behind(scene, outcome) + repr(scene.endpoint("shop")) + repr(HttpClient(scene.endpoint("shop")))
    for secret in (*SECRETS[kind], HEADER):
        assert secret not in where, f"…{where[max(0, where.index(secret) - 200) :][:300]}…"


@pytest.mark.parametrize("code", [200, 400, 401, 500])
async def test_a_token_endpoint_that_repeats_the_secret(code: int, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    tokens = await serve_on_loopback(said_back(code))
    url = f"http://127.0.0.1:{tokens.addresses[0][1]}/token"
    for place in ("header", "body"):
        scene.auth["shop"] = OAuth2ClientCredentials(url, "client", PASSWORD, send_secret=place)  # type: ignore[arg-type]
        outcome = await scene.run(ONE)
        assert outcome.error is not None
        where = left_behind(scene, outcome)
        assert PASSWORD not in where
        assert b64encode(f"client:{quote(PASSWORD, safe='')}".encode()).decode() not in where
    await tokens.cleanup()


def test_redaction_of_texts_and_urls() -> None:
    scene = Scene(Path("/nowhere"))
    scene.urls["shop"] = "https://shop.example"
    scene.auth["shop"] = ApiKey("key", PASSWORD, "query")
    scene.options = {"headers": {"X-Plant": HEADER, "Accept": "application/json", "X-Short": "ab"}}
    redact = Redaction(scene.endpoint("shop"))
    assert (
        redact(f"a {PASSWORD} b {quote(PASSWORD, safe='')} {HEADER} application/json ab")
        == "a *** b *** *** application/json ab"
    )
    url = f"https://shop.example/x?key={quote(PASSWORD, safe='')}&page=2&q=a%26b"
    assert url_without_secrets(url, redact) == "https://shop.example/x?page=2&q=a%26b"
    assert url_without_secrets("https://shop.example/x?page=2&&q", redact) == "https://shop.example/x?page=2&&q"
