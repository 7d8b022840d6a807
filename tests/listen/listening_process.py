"""A process that listens: ``python listening_process.py DESCRIPTION``, a JSON object; to be killed.

``kind``, ``config``, ``broker`` (its fields) or ``database`` (its URL), ``ledger`` (its URL), and ``die`` to be
killed by itself after the first batch is in the inbox and before it is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.queues.broker import Broker
from airflow_integrations.sql.database import Database
from airflow_integrations.testing import Feed


async def nothing(bodies: Any) -> None:
    raise NotImplementedError


def main() -> None:
    told = json.loads(sys.argv[1])
    brokers = {"broker": Broker(**told["broker"])} if told["broker"] else {}
    databases = {"db": Database("db", told["database"])} if told["database"] else {}
    feed = Feed(kind=told["kind"], config=told["config"], brokers=brokers, databases=databases, publish=nothing)
    if told["die"]:
        stage: Any = feed.load().trigger
        component = stage.listen.component()

        async def settle(self: Any, taken: Any, dead: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        component.settle = settle
    with Ledger.open(told["ledger"], synced=True) as ledger:
        print("ready", flush=True)
        asyncio.run(feed.receiver(ledger).run())


if __name__ == "__main__":
    main()
