"""The demo's servers in this process, on free ports, with a clock that the tests set."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from airflow_integrations.demo.erp import erp
from airflow_integrations.demo.erp_books import Books
from airflow_integrations.demo.server import Strain
from airflow_integrations.demo.shop import shop
from airflow_integrations.demo.shop_data import ShopData

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

Client = TestClient[web.Request, web.Application]


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def data() -> ShopData:
    return ShopData(seed=7, start=START, history=240, every=timedelta(seconds=3))


@pytest.fixture
async def served() -> AsyncIterator[Callable[[web.Application], Awaitable[Client]]]:
    """Serve an application on a free port; gives a client of it."""
    clients: list[Client] = []

    async def start(app: web.Application) -> Client:
        client: Client = TestClient(TestServer(app))
        clients.append(client)
        await client.start_server()
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def shop_client(served, data, clock) -> Client:
    client = await served(shop(data, key="key", page=50, now=clock))
    client.session.headers["X-Api-Key"] = "key"
    return client


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def erp_client(served, books):
    """A factory of clients of an ERP with the given options."""

    async def start(strain: Strain | None = None, **options) -> Client:
        client = await served(erp(books, user="erp", password="secret", strain=strain, rng=random.Random(1), **options))
        client.session.headers["Authorization"] = "Basic ZXJwOnNlY3JldA=="
        return client

    return start
