"""`connect` with a system that asks a person, and a browser that is a thread."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.fernet import Fernet

from airflow_integrations.airflow.config.ledger_vault import LedgerVault
from airflow_integrations.demo.processes import free_ports


class Provider:
    """An authorization server: /authorize redirects at once with a code, /token takes it once, with its verifier."""

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.refuses = False
        self.wrong_state = False
        self.refresh = True
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                provider.codes["c0de"] = asked
                back = {"state": "forged" if provider.wrong_state else asked["state"]}
                back |= (
                    {"error": "access_denied", "error_description": "Not today"}
                    if provider.refuses
                    else {"code": "c0de"}
                )
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
                self.end_headers()

            def do_POST(self) -> None:
                told = {
                    n: v[0] for n, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
                }
                asked = provider.codes.pop(told.get("code", ""), None)
                digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
                good = (
                    asked is not None
                    and told["grant_type"] == "authorization_code"
                    and told["redirect_uri"] == asked["redirect_uri"]
                    and asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
                )
                given: dict[str, Any] = {"access_token": "at-1", "expires_in": 3600}
                given |= {"refresh_token": "rt-1"} if provider.refresh else {}
                body = json.dumps(given if good else {"error": "invalid_grant"}).encode()
                self.send_response(200 if good else 400)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_integrations.cli.connect.PATIENCE", 60.0)


@pytest.fixture
def options(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    options = {
        "auth": "oauth2",
        "grant": "refresh_token",
        "authorize_url": f"{provider.url}/authorize?prompt=consent",
        "token_url": f"{provider.url}/token",
        "scope": "orders offline_access",
    }
    fields = {"conn_type": "http", "host": provider.url, "login": "client", "password": "s3cret"}
    monkeypatch.setenv("AIRFLOW_CONN_ERP", json.dumps(fields | {"extra": {"integrations": options}}))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    return options


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses that pages had where it ended."""
    statuses: list[int] = []

    def visit(url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=20) as page:
                statuses.append(page.status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)
        except OSError:  # it came when nobody waited any more
            statuses.append(0)

    monkeypatch.setattr("webbrowser.open", lambda url: threading.Thread(target=visit, args=(url,)).start())
    return statuses


def redirect_uri() -> str:
    return f"http://localhost:{free_ports(1)[0]}/callback"


def test_a_person_allows_it_and_the_ledger_keeps_the_token(call: Any, options: Any, browser: list[int]) -> None:
    code, out, _ = call("connect", "erp", "--redirect-uri", redirect_uri())
    assert code == 0, out
    assert "Connection erp is connected" in out
    assert "prompt=consent" in out
    assert browser == [200]
    kept = LedgerVault("erp").read()
    assert kept is not None
    assert (kept.refresh_token, kept.access_token) == ("rt-1", "at-1")
    assert "rt-1" not in out + repr(kept)


def test_the_address_may_be_pasted(
    call: Any, options: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def paste() -> str:
        shown = next(line.strip() for line in capsys.readouterr().out.splitlines() if "/authorize" in line)
        state = parse_qs(urlsplit(shown).query)["state"][0]
        provider.codes["c0de"] = {name: values[0] for name, values in parse_qs(urlsplit(shown).query).items()}
        return f"https://app.example/back?code=c0de&state={state}"

    monkeypatch.setattr("builtins.input", paste)
    code, out, _ = call("connect", "erp", "--paste", "--redirect-uri", "https://app.example/back")
    assert code == 0, out


def test_a_refusal_is_told(call: Any, options: Any, provider: Provider, browser: list[int]) -> None:
    provider.refuses = True
    code, _, err = call("connect", "erp", "--redirect-uri", redirect_uri())
    assert code == 1
    assert "it was not allowed: access_denied: Not today" in err


def test_an_address_of_somebody_else_is_not_taken(
    call: Any, options: Any, provider: Provider, browser: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.cli.connect.PATIENCE", 5.0)
    provider.wrong_state = True
    code, _, err = call("connect", "erp", "--redirect-uri", redirect_uri())
    assert code == 1
    assert "nobody came back from the browser within 5 s" in err
    assert LedgerVault("erp").read() is None


def test_a_system_that_gives_no_refresh_token(call: Any, options: Any, provider: Provider, browser: list[int]) -> None:
    provider.refresh = False
    code, out, _ = call("connect", "erp", "--redirect-uri", redirect_uri())
    assert code == 1
    assert "offline_access" in out


def test_a_connection_without_it(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ERP", json.dumps({"conn_type": "http", "host": "https://x"}))
    code, _, err = call("connect", "erp")
    assert code == 1
    assert '"grant": "refresh_token"' in err


def test_another_fernet_key_is_told(
    call: Any, options: Any, browser: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_integrations.errors import SetupError

    code, out, _ = call("connect", "erp", "--redirect-uri", redirect_uri())
    assert code == 0, out
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    with pytest.raises(SetupError, match="fernet_key"):
        LedgerVault("erp").read()


def test_without_a_fernet_key_nothing_is_exchanged_that_could_not_be_kept(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_integrations.errors import SetupError

    for key, told in (("", "no [core] fernet_key"), ("nonsense", "fernet_key cannot be used here")):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
        with pytest.raises(SetupError) as caught:
            LedgerVault("erp").read()  # comes before every exchange
        assert told in str(caught.value)
