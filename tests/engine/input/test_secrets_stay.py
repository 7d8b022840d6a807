"""Planted secrets are looked for in everything that a run leaves behind, whatever goes wrong and whoever says them."""

from __future__ import annotations

import json
import traceback
from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from bad_input_scene import Handler, Outcome, Scene, half, no_http, orders, reset, serve_on_loopback, silence

from airflow_integrations.http import ApiKey, Basic, Bearer, Endpoint, HttpClient, OAuth2
from airflow_integrations.http.message import excerpt_of
from airflow_integrations.http.redaction import Redaction, url_without_secrets
from airflow_integrations.staging.compression import open_reader

PASSWORD = "pa55/w+rd<&>-planted"
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


def said_back_escaped(code: int, *escapings: Callable[[str], str]) -> Handler:
    """The same, as servers write such texts: JSON of PHP, a page of HTML, a URL within either."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        said = f"{request.headers} {dict(request.query)} {request.raw_path}"
        for escaping in escapings:
            said = escaping(said)
        return web.json_response(text=f'{{"error": "{said}"}}', status=code)

    return answer


async def sends_on(request: web.Request) -> web.Response:
    there = "http://other.example/?" + request.query_string
    return web.Response(status=302, headers={"Location": there})


async def next_with_key(request: web.Request) -> web.Response:
    """As many APIs do: the next link repeats the whole query, the key included. The second page is not a page."""
    if "page" in request.query:
        return web.Response(status=503, text=request.query_string)
    following = request.path_qs + ("&" if request.query_string else "?") + "page=2"
    return web.json_response({"orders": [{"number": 1}], "next": following})


async def next_with_key_in_path(request: web.Request) -> web.Response:
    """The next page's path repeats what was sent; the third page is not a page."""
    page = int(request.path.rpartition("/")[2]) if request.path.startswith("/pages/") else 1
    if page == 3:
        return web.Response(status=503, text=request.raw_path)
    sent = "".join(quote(text, safe="") for text in (*request.headers.values(), *request.query.values()))
    return web.json_response({"orders": [{"number": page}], "next": f"/pages/{sent}/{page + 1}"})


async def results_with_reasons(request: web.Request) -> web.Response:
    why = f"not with {request.headers} {request.query_string}"
    return web.json_response([{"ok": False, "why": why} for _ in await request.json()])


def php(text: str) -> str:
    return json.dumps(text)[1:-1].replace("/", "\\/")


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
    (next_with_key_in_path, None, {"incoming": {"pagination": {"style": "next_url", "next": "body.next"}}}),
    *((ONE, said_back(code), {}) for code in (302, 401, 403, 409, 422, 429, 500)),
    (ONE, said_back(200, "text/html", "<html>"), {}),
    (ONE, said_back(200), {"outgoing": {"success_when": "body.ok"}}),
    (ONE, said_back(422), {"delivery": {"batch": 2}}),
    (ONE, results_with_reasons, BULK),
    *((ONE, broken, {}) for broken in (no_http, reset, half, silence)),
    *(
        (ONE, said_back_escaped(422, *how), {})
        for how in ((php,), (escape, php), (quote, php), (php, php), (quote, quote))
    ),
    (said_back_escaped(400, php), None, {}),
    (said_back_escaped(200, php), None, {"incoming": {"error_when": "body.error"}}),
    (ONE, said_back_escaped(200, php), {"outgoing": {"id": "body.error[:400]"}}),
    (ONE, said_back(500), {"outgoing": {"upsert": {"find": {"path": "/f"}, "create": {"path": "/c"}}}}),
]


ESCAPED = {
    secret: {
        form
        for once in (lambda text: text, php, escape, quote, lambda text: quote(text, safe=""))
        for form in (once(secret), php(once(secret)), once(php(secret)), quote(once(secret)))
    }
    for secret in (PASSWORD, TOKEN, HEADER, *(form for forms in SECRETS.values() for form in forms))
}


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
    monkeypatch.setattr("airflow_integrations.staging.segment_writer.SEGMENT_ENTITIES", 1)
    source, target, definition = CASES[case]
    scene = Scene(tmp_path)
    scene.options |= {"headers": {"X-Plant": HEADER}}

    async def token(request: web.Request) -> web.Response:
        return web.json_response({"access_token": TOKEN, "token_type": "Bearer"})

    tokens = await serve_on_loopback(token)
    url = f"http://127.0.0.1:{tokens.addresses[0][1]}/token"
    auth: Any = {
        "basic": Basic("joe", PASSWORD),
        "bearer": Bearer(TOKEN),
        "key in query": ApiKey("api_key", PASSWORD, "query"),
        "key in header": ApiKey("X-Key", TOKEN),
        "oauth": OAuth2(url, "client", PASSWORD),
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
        for form in ESCAPED[secret]:
            assert form not in where, f"…{where[max(0, where.index(form) - 200) :][:300]}…"


@pytest.mark.parametrize("code", [200, 400, 401, 500])
async def test_a_token_endpoint_that_repeats_the_secret(code: int, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    tokens = await serve_on_loopback(said_back(code))
    url = f"http://127.0.0.1:{tokens.addresses[0][1]}/token"
    for place in ("header", "body"):
        scene.auth["shop"] = OAuth2(url, "client", PASSWORD, client_auth=place)
        outcome = await scene.run(ONE)
        assert outcome.error is not None
        where = left_behind(scene, outcome)
        assert PASSWORD not in where
        assert b64encode(f"client:{quote(PASSWORD, safe='')}".encode()).decode() not in where
    await tokens.cleanup()


@pytest.mark.parametrize(
    ("login", "password", "told"),
    [
        ("key-of-the-shop", "", "***"),
        ("key-of-the-shop", "x", "***"),
        ("ck_0123456789abcdef0123456789abcdef01234567", "cs_0123456789", "***"),
        ("integration", "s3cret-password", "integration"),
        ("erp@shop.example", "s3cret-password", "erp@shop.example"),
    ],
)
def test_a_key_that_is_the_login_is_hidden_and_a_name_is_not(login: str, password: str, told: str) -> None:
    redact = Redaction(Endpoint("shop", "https://shop.example", auth=Basic(login, password)))
    assert redact(f"no rights for {login}") == f"no rights for {told}"


def test_a_secret_at_the_edge_of_an_excerpt_is_not_shown_in_part() -> None:
    redact = Redaction(Endpoint("shop", "https://shop.example", auth=Bearer(TOKEN)))
    for spaces in range(1180, 1300, 7):
        assert "tok-" not in excerpt_of(b"x" + b" " * spaces + TOKEN.encode() + b" y" * 5000, redact=redact)


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
