"""The server of these tests as a process of its own, to be killed: ``hook_process.py LEDGER FOLDER PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from hook_server import mounted

from airflow_integrations.hooks.addresses import Book
from airflow_integrations.hooks.intake import Intake
from airflow_integrations.ledger.ledger import Ledger


def main(url: str, folder: str, port: str) -> None:
    ledger = Ledger.open(url, synced=True)
    app = mounted(Book(Path(folder)), Intake(lambda: ledger, lambda routes: None))
    uvicorn.run(app, port=int(port), log_level="warning", lifespan="off", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
