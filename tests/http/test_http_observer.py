"""What a client tells of its attempts and waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import OutageError
from airflow_integrations.http import Endpoint, HttpClient, Request
from airflow_integrations.http.observer import Attempt, Why

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Ear:
    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.waits: list[tuple[str, Why, float]] = []

    def attempted(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    def waited(self, connection: str, why: Why, seconds: float) -> None:
        self.waits.append((connection, why, seconds))

    def delivered(self, ages: Sequence[float]) -> None:
        raise AssertionError("a client delivers no entities")

    def told(self) -> list[tuple[str, str, str, int | None]]:
        return [(one.connection, one.method, one.path, one.status) for one in self.attempts]


async def ask(url: str, clock: Any, ear: Ear, count: int = 1, **options: Any) -> None:
    endpoint = Endpoint("shop", url, **options)
    async with HttpClient(endpoint, sleep=clock.sleep, now=clock.now, watch=ear) as client:
        for _ in range(count):
            await client.send(Request("GET", "/orders/7"))


async def test_each_attempt_is_told_and_why_it_was_waited(serve: Any, clock: Any) -> None:
    answers = [
        web.json_response({}, status=503),
        web.json_response({}, status=429, headers={"Retry-After": "7"}),
        web.json_response({}),
    ]

    async def handler(request: web.Request) -> web.StreamResponse:
        clock.time += 0.25
        return answers.pop(0)

    ear = Ear()
    began = clock.time
    await ask(await serve(handler), clock, ear)
    assert ear.told() == [("shop", "GET", "/orders/7", status) for status in (503, 429, 200)]
    assert ear.attempts[0].began == began
    assert all(attempt.seconds == pytest.approx(0.25) for attempt in ear.attempts)
    (_, first, back_off), (_, second, hold) = ear.waits
    assert (first, second) == ("back_off", "hold")
    assert back_off < 1
    assert 7 <= hold <= 7.7


async def test_the_pace_is_a_wait_of_its_own(serve: Any, clock: Any) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({})

    ear = Ear()
    await ask(await serve(handler), clock, ear, 3, requests_per_second=2.0)
    assert [(why, round(seconds, 2)) for _, why, seconds in ear.waits] == [("pace", 0.5), ("pace", 0.5)]


async def test_no_answer_is_told_too(wire: Any, clock: Any) -> None:
    ear = Ear()
    with pytest.raises(OutageError):
        await ask(await wire(None), clock, ear, retry_budget=0.0)
    assert ear.told() == [("shop", "GET", "/orders/7", None)]
    assert ear.waits == []
