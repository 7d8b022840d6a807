"""An identity provider that nobody here wrote (oidc-provider for Node.js), with PKCE and rotated refresh tokens.

mkdir oidc && cd oidc && npm init -y && npm install oidc-provider@9
TEST_OIDC_HOME=$PWD pytest tests/cli/connect/test_real_identity_provider.py
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.airflow.config.ledger_vault import LedgerVault
from airflow_integrations.demo.processes import free_ports
from airflow_integrations.errors import SetupError
from airflow_integrations.http import HttpClient, Request

HOME = os.environ.get("TEST_OIDC_HOME", "")
pytestmark = pytest.mark.skipif(
    not HOME or not Path(HOME, "node_modules/oidc-provider").exists() or shutil.which("node") is None,
    reason="TEST_OIDC_HOME names no folder in which npm has installed oidc-provider; this file says how",
)
LATER = 3600.0
"""Seconds after which an access token is no longer used."""
KILLED = """
import asyncio, os, signal
from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.airflow.config.ledger_vault import LedgerVault
from airflow_integrations.http import HttpClient, Request
import time

keep = LedgerVault.keep
def killed(self, kept, now):
    if {kept}:
        keep(self, kept, now)
    os.kill(os.getpid(), signal.SIGKILL)

async def ask():
    endpoint = AirflowConnections().endpoint("shop")
    async with HttpClient(endpoint, now=lambda: time.time() + {later}) as client:
        await client.send(Request("GET", "/api/orders"))

LedgerVault.keep = killed
asyncio.run(ask())
"""


class Provider:
    def __init__(self, port: int, redirect_uri: str) -> None:
        self.url, self.redirect_uri = f"http://127.0.0.1:{port}", redirect_uri
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def allow(self, address: str) -> None:
        """What a person does in a browser: log in, and allow it."""
        page = self._open(address)
        while (form := re.search(r'<form[^>]*action="([^"]+)"', page)) is not None:
            given = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
            given |= {"login": "jane", "password": "any"} if 'name="login"' in page else {}
            page = self._open(html.unescape(form.group(1)), urllib.parse.urlencode(given).encode())

    def _open(self, address: str, data: bytes | None = None) -> str:
        with self._browser.open(urllib.parse.urljoin(self.url, address), data, timeout=30) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("oidc")
    shutil.copy(Path(__file__).parent / "provider.mjs", folder)
    (folder / "node_modules").symlink_to(Path(HOME, "node_modules").resolve())
    port, back = free_ports(2)
    redirect_uri = f"http://127.0.0.1:{back}/callback"
    command = ["node", "provider.mjs", str(port), redirect_uri]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        while (line := process.stdout.readline()) and line.strip() != b"ready":
            pass
        assert line, (folder / "log").read_text()
        yield Provider(port, redirect_uri)
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(autouse=True)
def connections(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    fields = {"conn_type": "http", "host": provider.url, "password": "s3cret s3cret s3cret"}
    shared = {"auth": "oauth2", "token_url": f"{provider.url}/token"}
    shop = {"grant": "refresh_token", "authorize_url": f"{provider.url}/auth?prompt=consent"}
    options: dict[str, dict[str, Any]] = {
        "batch": shared | {"grant": "client_credentials", "scope": "orders"},
        "shop": shared | shop | {"scope": "openid offline_access orders"},
    }
    for name, extra in options.items():
        told = fields | {"login": name, "extra": {"integrations": extra}}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(told))


@pytest.fixture
def connected(call: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    def visit(url: str) -> None:
        threading.Thread(target=provider.allow, args=(url,)).start()

    monkeypatch.setattr("webbrowser.open", visit)
    monkeypatch.setattr("airflow_integrations.cli.connect.PATIENCE", 60.0)
    code, out, _ = call("connect", "shop", "--redirect-uri", provider.redirect_uri)
    assert code == 0, out


def orders(connection: str, *, ahead: float = 0.0) -> list[Any]:
    async def ask() -> list[Any]:
        endpoint = AirflowConnections().endpoint(connection)
        async with HttpClient(endpoint, now=lambda: time.time() + ahead) as client:
            answer = await client.send(Request("GET", "/api/orders"))
        found: list[Any] = json.loads(answer.content)["orders"]
        return found

    return asyncio.run(ask())


def dies(*, kept: bool) -> None:
    """A process that exchanges the refresh token is killed, before or after it has kept what it was given."""
    code = KILLED.format(kept=kept, later=LATER)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def refresh_token() -> str:
    kept = LedgerVault("shop").read()
    assert kept is not None
    return kept.refresh_token


def test_client_credentials(provider: Provider) -> None:
    assert orders("batch") == [{"id": 1, "asked_by": "batch"}]


def test_a_person_allows_it_and_each_refresh_token_is_used_once(connected: None) -> None:
    tokens = [refresh_token()]
    assert orders("shop") == [{"id": 1, "asked_by": "shop"}]
    for hour in (1, 2, 3):
        assert orders("shop", ahead=hour * LATER) == [{"id": 1, "asked_by": "shop"}]
        tokens.append(refresh_token())
    assert len(set(tokens)) == 4


def test_tasks_that_find_the_token_old_exchange_it_once(connected: None) -> None:
    """The provider withdraws everything where a token comes twice."""
    before, found = refresh_token(), []
    threads = [threading.Thread(target=lambda: found.append(orders("shop", ahead=LATER))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[{"id": 1, "asked_by": "shop"}]] * 4
    assert refresh_token() != before


def test_killed_right_after_it_was_kept_nothing_is_lost(connected: None) -> None:
    before = refresh_token()
    dies(kept=True)
    assert refresh_token() != before
    assert orders("shop", ahead=LATER) == [{"id": 1, "asked_by": "shop"}]
    assert orders("shop", ahead=2 * LATER) == [{"id": 1, "asked_by": "shop"}]


def test_killed_before_it_was_kept_a_person_is_told_what_to_do(connected: None, call: Any, provider: Provider) -> None:
    """This provider takes a token once, without any grace: what it gave to the dead process is known to nobody."""
    before = refresh_token()
    dies(kept=False)
    assert refresh_token() == before
    with pytest.raises(SetupError, match="airflow-integrations connect shop") as caught:
        orders("shop", ahead=2 * LATER)
    assert "invalid_grant" in str(caught.value)
    assert before not in str(caught.value)
    code, out, _ = call("connect", "shop", "--redirect-uri", provider.redirect_uri)
    assert code == 0, out
    assert orders("shop") == [{"id": 1, "asked_by": "shop"}]
