"""A refresh token that is taken once: never lost, never exchanged by two at a time."""

from __future__ import annotations

import asyncio
import secrets
import threading
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http import OAuth2, Request
from airflow_integrations.http.auth.refresh import Kept


class Shelf:
    """What all processes share; each has a :class:`MemoryVault` of its own."""

    def __init__(self, kept: Kept | None = None) -> None:
        self.kept = kept
        self.holder: object | None = None
        self.until = 0.0
        self.lock = threading.Lock()
        self.away = 0


class MemoryVault:
    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def read(self) -> Kept | None:
        return self.shelf.kept

    def claim(self, now: float, until: float) -> bool:
        with self.shelf.lock:
            if self.shelf.holder not in (None, self) and self.shelf.until > now:
                return False
            self.shelf.holder, self.shelf.until = self, until
            return True

    def keep(self, kept: Kept, now: float) -> None:
        with self.shelf.lock:
            if self.shelf.away:
                self.shelf.away -= 1
                raise OutageError("the ledger is away")
            self.shelf.kept, self.shelf.holder = kept, None

    def give_back(self) -> None:
        with self.shelf.lock:
            self.shelf.holder = None


@pytest.fixture
async def world(serve: Any) -> Any:
    """A token endpoint that takes each refresh token once, and an API beside it."""

    class World:
        def __init__(self) -> None:
            self.refresh_token, self.good = "first", ""
            self.exchanges, self.under_way = 0, 0
            self.asked: list[dict[str, str]] = []

        async def answer(self, request: web.Request) -> web.Response:
            if request.path != "/token":
                good = request.headers.get("Authorization") == f"Bearer {self.good}"
                return web.Response(status=200 if good else 401)
            told = {name: str(text) for name, text in (await request.post()).items()}
            self.asked.append(told)
            self.under_way += 1
            assert self.under_way == 1, "two exchange it at the same time"
            await asyncio.sleep(0.02)
            self.under_way -= 1
            if told["grant_type"] != "refresh_token" or told["refresh_token"] != self.refresh_token:
                error = {"error": "invalid_grant", "error_description": f"unknown token {told['refresh_token']}"}
                return web.json_response(error, status=400)
            self.exchanges += 1
            self.refresh_token, self.good = secrets.token_hex(16), secrets.token_hex(16)
            given = {"access_token": self.good, "refresh_token": self.refresh_token, "expires_in": 1800}
            return web.json_response(given)

    world = World()
    world.url = await serve(world.answer)  # type: ignore[attr-defined]
    return world


def auth(world: Any, shelf: Shelf, **parameters: str) -> OAuth2:
    return OAuth2(
        f"{world.url}/token", "me", "s3cret", grant="refresh_token", parameters=parameters, vault=MemoryVault(shelf)
    )


async def test_what_was_given_is_kept_before_it_is_used(world: Any, connect: Any) -> None:
    shelf = Shelf()
    client = await connect(world.url, auth=auth(world, shelf, refresh_token="first", audience="erp"))
    assert (await client.send(Request("GET", "/orders"))).status == 200
    assert shelf.kept is not None
    assert (shelf.kept.refresh_token, shelf.kept.access_token) == (world.refresh_token, world.good)
    assert world.asked == [{"grant_type": "refresh_token", "refresh_token": "first", "audience": "erp"}]


async def test_many_processes_exchange_it_once(world: Any, connect: Any) -> None:
    shelf = Shelf()
    clients = [await connect(world.url, auth=auth(world, shelf, refresh_token="first")) for _ in range(20)]
    answers = await asyncio.gather(*(client.send(Request("POST", "/orders", body=b"{}")) for client in clients))
    assert {answer.status for answer in answers} == {200}
    assert world.exchanges == 1


async def test_it_goes_on_with_the_newest_one(world: Any, connect: Any, clock: Any) -> None:
    shelf = Shelf()
    for _ in range(4):
        client = await connect(world.url, auth=auth(world, shelf, refresh_token="first"))
        assert (await client.send(Request("GET", "/orders"))).status == 200
        clock.time += 1800
    assert world.exchanges == 4


async def test_an_access_token_that_was_taken_back_is_exchanged_although_it_is_young(world: Any, connect: Any) -> None:
    shelf = Shelf()
    client = await connect(world.url, auth=auth(world, shelf, refresh_token="first"))
    await client.send(Request("GET", "/orders"))
    world.good = "another"
    assert (await client.send(Request("GET", "/orders"))).status == 200
    assert world.exchanges == 2


async def test_a_ledger_that_is_away_for_a_moment_loses_nothing(world: Any, connect: Any) -> None:
    shelf = Shelf()
    shelf.away = 3
    client = await connect(world.url, auth=auth(world, shelf, refresh_token="first"))
    assert (await client.send(Request("GET", "/orders"))).status == 200
    assert shelf.kept is not None
    assert shelf.kept.refresh_token == world.refresh_token


async def test_a_stage_that_is_cancelled_in_between_keeps_what_was_given(world: Any, connect: Any) -> None:
    shelf = Shelf()
    client = await connect(world.url, auth=auth(world, shelf, refresh_token="first"))
    task = asyncio.create_task(client.send(Request("GET", "/orders")))
    async with asyncio.timeout(30):
        while not world.under_way:  # noqa: ASYNC110 - what is waited for is outside of this loop
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert shelf.kept is not None
    assert shelf.kept.refresh_token == world.refresh_token


async def test_one_that_is_refused_is_told_with_the_remedy_and_without_the_token(world: Any, connect: Any) -> None:
    shelf = Shelf()
    client = await connect(world.url, auth=auth(world, shelf, refresh_token="stolen-and-used"))
    with pytest.raises(SetupError, match="airflow-integrations connect shop") as caught:
        await client.send(Request("GET", "/orders"))
    assert "invalid_grant" in str(caught.value) or "unknown token" in str(caught.value)
    assert "stolen-and-used" not in str(caught.value)
    assert shelf.holder is None, "another may try"


async def test_another_first_token_that_a_person_put_there_counts(world: Any, connect: Any, clock: Any) -> None:
    shelf = Shelf()
    await (await connect(world.url, auth=auth(world, shelf, refresh_token="first"))).send(Request("GET", "/orders"))
    clock.time += 1800
    world.refresh_token = "allowed anew"  # what was kept is no longer valid
    client = await connect(world.url, auth=auth(world, shelf, refresh_token="allowed anew"))
    assert (await client.send(Request("GET", "/orders"))).status == 200
    assert world.exchanges == 2


async def test_none_at_all(world: Any, connect: Any) -> None:
    client = await connect(world.url, auth=auth(world, Shelf()))
    with pytest.raises(SetupError, match="has no refresh token yet: run `airflow-integrations connect shop`"):
        await client.send(Request("GET", "/orders"))
    assert world.asked == []


async def test_one_who_died_in_the_exchange_is_waited_for_and_then_followed(
    world: Any, connect: Any, clock: Any
) -> None:
    shelf = Shelf(Kept("first"))
    shelf.holder, shelf.until = object(), clock.time + 3
    client = await connect(world.url, auth=auth(world, shelf))
    ticking = asyncio.create_task(_tick(clock))
    assert (await client.send(Request("GET", "/orders"))).status == 200
    ticking.cancel()
    assert world.exchanges == 1


async def _tick(clock: Any) -> None:
    while True:
        await asyncio.sleep(0.05)
        clock.time += 1
