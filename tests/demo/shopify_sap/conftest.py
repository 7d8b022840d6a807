"""The demo's Shopify and SAP in this process, on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from airflow_integrations.demo.shopify_sap.sap import sap
from airflow_integrations.demo.shopify_sap.sap_books import Books
from airflow_integrations.demo.shopify_sap.shopify import Points, shopify
from airflow_integrations.demo.shopify_sap.shopify_store import Store

Client = TestClient[web.Request, web.Application]


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def shop(store: Store, clock: Clock) -> AsyncIterator[Client]:
    app = shopify(store, token="t0ken", points=Points(100, clock), sender=None)
    async with TestClient(TestServer(app), headers={"X-Shopify-Access-Token": "t0ken"}) as client:
        yield client


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
async def erp(books: Books) -> AsyncIterator[Client]:
    app = sap(books, user="INTEGRATION", password="secret")
    headers = {"Authorization": "Basic SU5URUdSQVRJT046c2VjcmV0"}
    async with TestClient(TestServer(app), headers=headers) as client:
        yield client
