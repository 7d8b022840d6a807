"""The webhooks' application under uvicorn alone, to see what Airflow's own layers cost.

``python -m bench.webhooks.ingest_bare LEDGER ROUTES PORT``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.webhooks.app import HookApp
from airflow_integrations.webhooks.endpoints import EndpointTable
from airflow_integrations.webhooks.intake import Intake
from airflow_integrations.webhooks.secrets import CachedSecrets, Secret
from bench.webhooks.ingest_load import SECRET


def main(url: str, routes: str, port: str) -> None:
    ledger = Ledger.open(url, synced=True)
    intake = Intake(lambda: ledger, lambda names: None)
    hooks = HookApp(EndpointTable(Path(routes)), CachedSecrets(lambda name: Secret("", SECRET)), intake)
    app = Starlette(routes=[Mount("/integrations/hooks", hooks)])
    uvicorn.run(app, port=int(port), log_level="warning", lifespan="off", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
