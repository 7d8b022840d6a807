from __future__ import annotations

import asyncio
import base64

import pytest
from aiohttp import web

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http import OAuth2, Refused, Request


@pytest.fixture
async def world(serve):
    """A token endpoint on one origin, an API on another."""

    class World:
        def __init__(self) -> None:
            self.tokens = 0
            self.good = ""
            self.token_requests: list[tuple[dict[str, str], dict[str, str]]] = []
            self.api_requests: list[dict[str, str]] = []
            self.life: object = 3600
            self.token_status = 200
            self.token_url = ""
            self.api_url = ""

        async def token(self, request):
            self.token_requests.append((dict(request.headers), dict(await request.post())))
            if self.token_status != 200:
                return web.json_response({"error": "invalid_client", "said": "s3cret&"}, status=self.token_status)
            await asyncio.sleep(0.01)
            self.tokens += 1
            self.good = f"token{self.tokens}"
            return web.json_response({"access_token": self.good, "token_type": "bearer", "expires_in": self.life})

        async def api(self, request):
            self.api_requests.append(dict(request.headers))
            good = request.headers.get("Authorization") == f"Bearer {self.good}"
            return web.Response(status=200 if good else 401)

    world = World()
    world.token_url = await serve(world.token) + "/oauth/token"
    world.api_url = await serve(world.api)
    return world


def auth(world, **options):
    return OAuth2(world.token_url, "me", "s3cret&", **options)


async def test_a_token_is_fetched_once_and_only_the_clients_secret_goes_there(world, connect):
    client = await connect(world.api_url, auth=auth(world, scope="orders"), headers={"X-Home": "private"})
    answers = await asyncio.gather(*(client.send(Request("GET", "/orders")) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    ((headers, form),) = world.token_requests
    assert form == {"grant_type": "client_credentials", "scope": "orders"}
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"me:s3cret%26"
    assert "X-Home" not in headers
    assert all("X-Home" in headers for headers in world.api_requests)


async def test_the_secret_may_go_in_the_form(world, connect):
    client = await connect(world.api_url, auth=auth(world, client_auth="body", parameters={"audience": "erp"}))
    await client.send(Request("GET", "/orders"))
    ((headers, form),) = world.token_requests
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": "s3cret&",
        "audience": "erp",
    }
    assert "Authorization" not in headers


async def test_a_token_is_renewed_before_it_expires(world, connect, clock):
    client = await connect(world.api_url, auth=auth(world))
    await client.send(Request("GET", "/orders"))
    clock.time += 3500
    await client.send(Request("GET", "/orders"))
    assert world.tokens == 1
    clock.time += 75
    await client.send(Request("GET", "/orders"))
    assert world.tokens == 2


@pytest.mark.parametrize("life", ["3600", None, "soon", 0])
async def test_odd_lives(world, connect, life):
    world.life = life
    client = await connect(world.api_url, auth=auth(world))
    assert (await client.send(Request("GET", "/orders"))).status == 200


async def test_a_token_that_was_taken_back_is_renewed_once(world, connect):
    client = await connect(world.api_url, auth=auth(world))
    await client.send(Request("GET", "/orders"))
    world.good = "none but the next"
    assert (await client.send(Request("POST", "/orders", body=b"{}"))).status == 200
    assert world.tokens == 2


async def test_a_token_that_is_never_accepted(world, serve, connect):
    calls = 0

    async def refuse(request):
        nonlocal calls
        calls += 1
        return web.Response(status=401)

    client = await connect(await serve(refuse), auth=auth(world))
    with pytest.raises(Refused, match="401"):
        await client.send(Request("GET", "/orders"))
    assert (calls, world.tokens) == (2, 2)


async def test_a_refused_client(world, connect):
    world.token_status = 401
    client = await connect(world.api_url, auth=auth(world))
    with pytest.raises(SetupError, match="gave no token: 401") as caught:
        await client.send(Request("GET", "/orders"))
    assert "s3cret" not in str(caught.value)
    assert world.api_requests == []


async def test_a_token_endpoint_that_is_away(world, connect, clock):
    world.token_status = 503
    client = await connect(world.api_url, auth=auth(world))
    with pytest.raises(OutageError, match=r"no token from http://127.0.0.1:.*503"):
        await client.send(Request("POST", "/orders", body=b"{}"))
    assert len(world.token_requests) > 3


@pytest.mark.parametrize(
    "content", [b"<html>", b"{}", b'{"access_token": "a", "token_type": "mac"}', b'{"access_token": "a\\r\\nX: 1"}']
)
async def test_an_answer_that_is_no_token(serve, connect, content):
    async def token(request):
        return web.Response(body=content)

    url = await serve(token)
    client = await connect(url, auth=OAuth2(url + "/token", "me", "s3cret"))
    with pytest.raises(SetupError, match="token"):
        await client.send(Request("GET", "/orders"))


async def test_a_token_url_that_is_none(connect):
    with pytest.raises(SetupError, match="token_url"):
        await connect("https://shop.example", auth=OAuth2("/token", "me", "s3cret"))
