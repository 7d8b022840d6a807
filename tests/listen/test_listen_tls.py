"""TLS that is not the right one: refused before a password leaves, by mail servers and brokers alike."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import feeds
import pytest
from certificates import Authority
from imap_feed import folder, imap_server
from test_listen_access import ends_in
from tls_tunnel import tls_tunnel

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.queues.broker import Broker

__all__ = ["imap_server"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def looked(at: Broker, server: Broker) -> Any:
    """What the first look into a folder gives."""
    with folder(server) as feed, Ledger.temporary() as ledger:
        feed.brokers = {"broker": at}

        async def first() -> Any:
            batches = feed.make().batches(InboxSurroundings(feed, ledger.inbox, "suite", {}))
            try:
                return await anext(batches)
            finally:
                await batches.aclose()

        return asyncio.run(first())


@pytest.mark.parametrize("starttls", [False, True], ids=["implicit", "starttls"])
def test_imap(imap_server: Broker, authority: Authority, starttls: bool) -> None:
    way = {"tls": True if starttls else "implicit", "ca": authority.ca}

    def at(port: int, **extra: Any) -> Broker:
        return replace(imap_server, port=port, extra={**way, **extra})

    plain = imap_server.port or 143
    with tls_tunnel(plain, authority.certificate(), starttls=starttls) as port:
        assert looked(at(port), imap_server) == ()
        with pytest.raises(SetupError, match="local issuer"):
            looked(at(port, ca=None), imap_server)
        assert looked(at(port, ca=None, verify=False), imap_server) == ()
    for certificate, told in (
        (authority.certificate("example.org"), "mismatch"),
        (authority.certificate(days=-1), "expired"),
    ):
        with tls_tunnel(plain, certificate, starttls=starttls) as port, pytest.raises(SetupError, match=told):
            looked(at(port), imap_server)


def test_a_handshake_that_is_cut_is_an_outage(imap_server: Broker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def cut() -> None:
            taken, _ = listening.accept()
            taken.recv(5)
            taken.shutdown(socket.SHUT_WR)
            taken.recv(65536)

        threading.Thread(target=cut, daemon=True).start()
        at = replace(imap_server, port=listening.getsockname()[1], extra={"tls": "implicit"})
        with pytest.raises(OutageError):
            looked(at, imap_server)


@pytest.mark.parametrize("kind", ["redis", "mqtt", "rabbitmq"])
def test_brokers(kind: str, authority: Authority) -> None:
    broker = feeds.broker(kind)
    assert broker.port is not None

    def at(port: int) -> Broker:
        return replace(broker, port=port, extra={**broker.extra, "tls": True, "ca": authority.ca})

    certificate = authority.certificate(days=-1) if kind == "rabbitmq" else authority.certificate("example.org")
    with tls_tunnel(broker.port, certificate) as port:
        assert ends_in(SetupError, kind, at(port))
