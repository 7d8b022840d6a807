"""TLS to a mail server: which certificates count, and what leaves without them."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from mail_server import mail_server
from test_email_outgoing import ENTITIES, send
from tls_tunnel import tls_tunnel

from airflow_integrations.errors import OutageError, SetupError


def context_of(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize(
    ("host", "days", "extra", "told"),
    [
        ("127.0.0.1", 1, {}, None),
        ("127.0.0.1", 1, {"ca": None}, "local issuer"),
        ("example.org", 1, {}, "mismatch"),
        ("127.0.0.1", -1, {}, "expired"),
        ("example.org", -1, {"verify": False}, None),
    ],
    ids=["right", "authority", "host", "expired", "unverified"],
)
def test_certificates(
    tmp_path: Path, host: str, days: int, extra: dict[str, Any], told: str | None, implicit: bool
) -> None:
    authority = Authority(tmp_path)
    certificate = authority.certificate(host, days)
    with (
        mail_server(context=None if implicit else context_of(certificate)) as server,
        tls_tunnel(server.at.port or 0, certificate) as tunnel,
    ):
        secure = {"tls": "implicit" if implicit else True, "ca": authority.ca, **extra}
        server.at = replace(server.at, port=tunnel if implicit else server.at.port, extra=secure)
        if told is None:
            assert send(server, ENTITIES[:1])[0].status == "delivered"
            return
        with pytest.raises(SetupError, match=told):
            send(server, ENTITIES[:1])
        assert server.got == []


def test_a_handshake_that_is_cut_is_an_outage() -> None:
    with mail_server() as server, socket.create_server(("127.0.0.1", 0)) as listening:

        def cut() -> None:
            taken, _ = listening.accept()
            taken.recv(5)
            taken.shutdown(socket.SHUT_WR)
            taken.recv(65536)

        threading.Thread(target=cut, daemon=True).start()
        server.at = replace(server.at, port=listening.getsockname()[1], extra={"tls": "implicit"})
        with pytest.raises(OutageError):
            send(server, ENTITIES[:1])
