"""The check's processes, which do without Airflow what its processes do:

    python -m airflow_integrations.demo.shopify_sap.worker receive PORT    the API server's webhooks
    python -m airflow_integrations.demo.shopify_sap.worker consume ROUTE   the task of a route's live DAG
    python -m airflow_integrations.demo.shopify_sap.worker run ROUTE …     runs of routes' DAGs, all their stages

DEMO_ROUTES is the folder of the routes, DEMO_LEDGER the ledger's address, DEMO_STAGING the folder of staging.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from airflow_integrations.demo.shopify_sap.connections import RoomConnections
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.engine.live.single_task import run_all_stages
from airflow_integrations.ledger.inbox.holder_process import holder_name
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route_files.load import read_route
from airflow_integrations.run import Run, Services
from airflow_integrations.simulate.params import route_params
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

__all__ = ["main"]

SECONDS = 3600.0
"""For which a consumer works, unless it is ended before."""


def _receive(port: int) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from airflow_integrations.webhooks.app import HookApp
    from airflow_integrations.webhooks.endpoints import EndpointTable
    from airflow_integrations.webhooks.intake import Intake
    from airflow_integrations.webhooks.secrets import CachedSecrets

    ledger = Ledger.open(os.environ["DEMO_LEDGER"], synced=True)
    secrets = CachedSecrets(RoomConnections(os.environ).secret)
    app = HookApp(EndpointTable(Path(os.environ["DEMO_ROUTES"])), secrets, Intake(lambda: ledger, lambda routes: None))
    mounted = Starlette(routes=[Mount("/integrations/hooks", app)])
    uvicorn.run(mounted, host="127.0.0.1", port=port, log_level="warning", lifespan="off", access_log=False)


async def _consume(name: str) -> None:
    route = read_route(Path(os.environ["DEMO_ROUTES"]), name).route
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Ledger.open(os.environ["DEMO_LEDGER"]) as ledger:
        async with Services(RoomConnections(os.environ), ledger=ledger) as services:
            holder = holder_name(f"consume-{uuid.uuid4()}")
            consumer = Consumer(route, services, os.environ["DEMO_STAGING"], holder)
            await consumer.work(time.time() + SECONDS, stop)


async def _run(*names: str) -> int:
    now = datetime.now(UTC)
    verdicts = []
    with Ledger.open(os.environ["DEMO_LEDGER"]) as ledger:
        for name in names:
            route = read_route(Path(os.environ["DEMO_ROUTES"]), name).route
            params = route_params(route, {})
            run = Run(route, f"manual__{uuid.uuid4()}", Window(EPOCH, now), params=params, explicit=True)
            async with Services(RoomConnections(os.environ), ledger=ledger) as services:
                staging = Staging(os.environ["DEMO_STAGING"], name, run.run_id)
                fetched = await fetch(run, services, staging)
                _, balance = await run_all_stages(run, services, staging, fetched, asyncio.Event())
            verdicts.append(balance is not None and balance.verdict is None)
    return 0 if all(verdicts) else 1


def main(arguments: list[str] | None = None) -> int:
    what, *names = arguments or sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if what == "receive":
        _receive(int(names[0]))
        return 0
    if what == "consume":
        asyncio.run(_consume(names[0]))
        return 0
    return asyncio.run(_run(*names))


if __name__ == "__main__":
    sys.exit(main())
