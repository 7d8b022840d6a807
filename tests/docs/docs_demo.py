"""The demo's shop and ERP in a thread of this process, with Connections to them, a ledger and a copy of its routes."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.demo.erp import erp
from airflow_integrations.demo.erp_books import Books
from airflow_integrations.demo.shop import shop
from airflow_integrations.demo.shop_data import ShopData

ROUTES = Path(__file__).parents[2] / "dags" / "routes"
START = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def demo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a shell beside ``make demo``, in ``folder``."""
    data = ShopData(seed=7, start=START, history=60, every=timedelta(hours=1))
    with (
        served(shop(data, key="key", page=50, now=lambda: START + timedelta(days=7))) as shop_port,
        served(erp(Books(), user="erp", password="secret", rng=random.Random(1))) as erp_port,
    ):
        connections: dict[str, dict[str, Any]] = {
            "shop": {"password": "key", "extra": {"integrations": {"auth": "api_key", "name": "X-Api-Key"}}},
            "erp": {"login": "erp", "password": "secret"},
            "ledger": {"conn_type": "sqlite", "host": str(folder / "ledger.db")},
        }
        for (name, connection), port in zip(connections.items(), (shop_port, erp_port, None), strict=True):
            system = {"conn_type": "http", "schema": "http", "host": "127.0.0.1", "port": port} if port else {}
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({**system, **connection}))
        monkeypatch.setenv("AIRFLOW_HOME", str(folder / "airflow"))
        monkeypatch.setenv("AIRFLOW__INTEGRATIONS__STAGING", str(folder / "staging"))
        monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "ledger")
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")
        monkeypatch.delenv("AIRFLOW__INTEGRATIONS__ROUTES", raising=False)
        monkeypatch.chdir(folder)
        shutil.copytree(ROUTES, folder / "dags" / "routes")
        yield


@contextmanager
def served(app: web.Application) -> Iterator[int]:
    """The port of an application that runs in a thread of its own: commands run an event loop themselves."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    runner = web.AppRunner(app, access_log=None)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield runner.addresses[0][1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
