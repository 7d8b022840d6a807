"""Kinto, a JSON store with an HTTP API, on both sides of a route file: header paging, a cursor, ETags, tombstones.

python -m venv kinto && kinto/bin/pip install kinto
TEST_KINTO_HOME=$PWD/kinto pytest tests/http/test_real_http_api.py
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.cli import main
from airflow_integrations.demo.processes import free_ports

HOME = os.environ.get("TEST_KINTO_HOME", "")
KINTO = Path(HOME, "bin/kinto")
pytestmark = pytest.mark.skipif(
    not HOME or not KINTO.exists(),
    reason="TEST_KINTO_HOME names no environment in which pip has installed kinto; this file says how",
)
SETTINGS = """
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = some secret
multiauth.policies = basicauth
multiauth.policy.basicauth.use = kinto.core.authentication.BasicAuthAuthenticationPolicy
kinto.bucket_create_principals = system.Authenticated
kinto.paginate_by = 3
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = %d
"""
ROUTE = """
route: orders
entity: {name: order, key: order.id, version: order.last_modified}
incoming:
  http:
    connection: kinto
    path: /buckets/shop/collections/orders/records
    query: {_sort: last_modified}
    records: body.data
    pagination: {style: next_url, next: 'headers["Next-Page"]'}
    cursor: {field: last_modified, param: _since}
transform:
  - filter: not order.deleted
  - map: {id: order.id, total: order.total, customer: order.customer.upper()}
outgoing:
  http:
    connection: kinto
    method: PUT
    path: /buckets/erp/collections/orders/records/{{ order.id }}
    body: {data: order}
    id: body.data.id
delivery: {concurrency: 2}
"""


class Kinto:
    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        headers = {"Authorization": "Basic " + b64encode(b"me:s3cret").decode(), "Content-Type": "application/json"}
        body = None if data is None else json.dumps({"data": data}).encode()
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["data"]

    def put(self, number: int, total: str) -> None:
        order = {"total": total, "customer": f"Søren {number}"}
        self.ask("PUT", f"/buckets/shop/collections/orders/records/o-{number}", order)

    @property
    def arrived(self) -> dict[str, str]:
        found = self.ask("GET", "/buckets/erp/collections/orders/records?_limit=3&_sort=id")
        more = self.ask("GET", f"/buckets/erp/collections/orders/records?gt_id={found[-1]['id']}") if found else []
        return {one["id"]: one["total"] for one in [*found, *more]}


@pytest.fixture
def kinto(tmp_path: Path) -> Iterator[Kinto]:
    (port,) = free_ports(1)
    settings = tmp_path / "kinto.ini"
    settings.write_text(SETTINGS % port)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([KINTO, "start", "--ini", settings], stdout=log, stderr=log)
    running, until = Kinto(f"http://127.0.0.1:{port}/v1"), time.monotonic() + 60
    try:
        while True:
            try:
                for bucket in ("shop", "erp"):
                    running.ask("PUT", f"/buckets/{bucket}", {})
                    running.ask("PUT", f"/buckets/{bucket}/collections/orders", {})
                break
            except urllib.error.URLError:
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail((tmp_path / "log").read_text())
                time.sleep(0.2)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def test_a_route_file_moves_what_is_new(
    kinto: Kinto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "orders.yaml").write_text(ROUTE)
    monkeypatch.chdir(tmp_path)
    there = {"conn_type": "http", "host": kinto.url, "login": "me", "password": "s3cret"}
    for name, value in {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__INTEGRATIONS__STAGING": str(tmp_path / "staging"),
        "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "test_ledger",
        "AIRFLOW_CONN_TEST_LEDGER": json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "ledger.db")}),
        "AIRFLOW_CONN_KINTO": json.dumps(there),
        "_AIRFLOW_PROCESS_CONTEXT": "client",
    }.items():
        monkeypatch.setenv(name, value)

    def books() -> str:
        assert main(("run", "orders")) == 0
        return capsys.readouterr().out.splitlines()[-1]

    for number in range(5):
        kinto.put(number, "10.50")
    assert books() == "5 fetched = 5 delivered"
    assert kinto.arrived == {f"o-{number}": "10.50" for number in range(5)}
    kinto.put(3, "11.75")
    kinto.put(5, "1.00")
    kinto.ask("DELETE", "/buckets/shop/collections/orders/records/o-1")
    assert books() == "3 fetched = 2 delivered + 1 filtered"
    assert kinto.arrived == {f"o-{number}": "10.50" for number in range(5)} | {"o-3": "11.75", "o-5": "1.00"}
    assert books() == "0 fetched = 0"
