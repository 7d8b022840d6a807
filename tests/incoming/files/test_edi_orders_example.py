"""The example of EDIFACT orders: both routes through all stages, with a bucket (moto) and an HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from edi_examples import ORDERS
from s3_server import ACCESS, s3_server

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route_files.load import read_routes
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

FOLDER = Path(__file__).parents[3] / "dags" / "examples" / "edi_orders"


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(storage: str) -> Any:
    client: Any = boto3.client("s3", endpoint_url=storage, **ACCESS)
    client.create_bucket(Bucket="edi")
    return client


@pytest.fixture
def erp() -> Iterator[SimpleNamespace]:
    erp = SimpleNamespace(orders=[], url="")

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            erp.orders.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    erp.url = f"http://127.0.0.1:{server.server_port}"
    yield erp
    server.shutdown()


class Around:
    """Airflow's Connections."""

    def __init__(self, storage: str, erp: str) -> None:
        self._erp = erp
        extra = {"endpoint_url": storage, "region_name": "us-east-1"}
        self._place = SimpleNamespace(
            name="edi_bucket", kind="aws", host="", port=None, login="key", password="secret", extra=extra
        )

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self._erp)

    def variable(self, name: str) -> str | None:
        return None

    def broker(self, connection: str) -> Any:
        return self._place


async def run_once(name: str, number: int, around: Around, folder: Path) -> dict[str, int]:
    found = read_routes(FOLDER)
    assert not found.mistakes
    route = found.routes[name].route
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        run = Run(route, f"run-{number}", Window(EPOCH, EPOCH), params=route.params)
        staging = Staging(folder, name, run.run_id)
        async with Services(around, ledger=ledger) as services:
            for stage in (fetch, transform, push):
                await stage(run, services, staging)
            balance = await settle(run, services, staging)
    assert balance.balanced
    return {name: count for name, count in balance.counts.items() if count}


async def test_orders_are_entered_and_their_interchange_is_answered(
    storage: str, bucket: Any, erp: SimpleNamespace, tmp_path: Path
) -> None:
    around = Around(storage, erp.url)
    bucket.put_object(Bucket="edi", Key="in/1.edi", Body=ORDERS.replace("UNT+6+2", "UNT+7+2").encode("latin-1"))
    assert (await run_once("edi_orders", 1, around, tmp_path)) == {"fetched": 2, "delivered": 1, "rejected": 1}
    ((path, order),) = erp.orders
    assert path == "/partner-orders/5412345000013/128576"
    assert [line["quantity"] for line in order["lines"]] == [48, 12]
    assert (await run_once("edi_acknowledgements", 1, around, tmp_path)) == {"fetched": 1, "delivered": 1}
    (key,) = [
        found["Key"]
        for found in bucket.list_objects_v2(Bucket="edi", Prefix="out/")["Contents"]
        if "/.integrations/" not in found["Key"]
    ]
    assert key.startswith("out/5412345000013/CONTRL_")
    text = bucket.get_object(Bucket="edi", Key=key)["Body"].read().decode()
    head, rest = text.split("UNH+", 1)
    assert head.startswith("UNA:+.? 'UNB+UNOC:3+4012345500004:14+5412345000013:14+")
    assert ("UNH+" + rest).split("'") == [
        "UNH+1+CONTRL:D:3:UN",
        "UCI+IREF1+5412345000013:14+4012345500004:14+7",
        "UCM+1+ORDERS:D:96A:UN:EAN008+7",
        "UCM+2+ORDERS:D:96A:UN:EAN008+4+29+UNT",
        "UNT+5+1",
        "UNZ+1+1",
        "",
    ]
    assert (await run_once("edi_orders", 2, around, tmp_path)) == {}
    assert (await run_once("edi_acknowledgements", 2, around, tmp_path)) == {}
    assert len(erp.orders) == 1
