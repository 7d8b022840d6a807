"""The server of these tests as a process of its own, to be killed: ``webhook_process.py LEDGER FOLDER PORT PATIENCE``.

``PATIENCE`` may be left out: the seconds for which it waits for requests when it is asked to end, as Airflow's
``[api] worker_timeout``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn
from webhook_server import mounted

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.webhooks.endpoints import EndpointTable
from airflow_integrations.webhooks.intake import Intake


def main(url: str, folder: str, port: str, patience: str = "120") -> None:
    ledger = Ledger.open(url, synced=True)
    app = mounted(EndpointTable(Path(folder)), Intake(lambda: ledger, lambda routes: None))
    quiet: dict[str, Any] = {"log_level": "warning", "lifespan": "off", "access_log": False}
    uvicorn.run(app, port=int(port), timeout_graceful_shutdown=int(patience), **quiet)


if __name__ == "__main__":
    main(*sys.argv[1:])
