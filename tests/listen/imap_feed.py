"""A folder of a real IMAP server, in a process of its own; ``TEST_IMAP``, such as ``//user:password@127.0.0.1:143``,
names another one."""

from __future__ import annotations

import asyncio
import imaplib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import feeds
import pytest

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.queues.broker import Broker
from airflow_integrations.testing import Feed

__all__ = ["folder", "imap_server", "mail", "put"]

QUICK = """
from pysasl.hashing import BuiltinHash
BuiltinHash.__init__.__kwdefaults__["rounds"] = 1
from pymap.main import main
main()
"""
"""The server, without half a second of work for each login."""


@pytest.fixture(scope="session")
def imap_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    named = os.environ.get("TEST_IMAP")
    if named:
        parts = urlsplit(named)
        login, password = unquote(parts.username or ""), unquote(parts.password or "")
        yield Broker("broker", "imap", parts.hostname or "", parts.port, login, password, extra={"tls": False})
        return
    (port,) = free_ports(1)
    command = [sys.executable, "-c", QUICK, "--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    command += ["--no-service", "managesieve", "--no-service", "admin", "dict", "--demo-user", "u"]
    with (tmp_path_factory.mktemp("imap") / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--demo-password", "p"], stdout=log, stderr=log)
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, Path(log.name).read_text()
        try:
            imaplib.IMAP4("127.0.0.1", port).shutdown()
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
    yield Broker("broker", "imap", "127.0.0.1", port, "u", "p", extra={"tls": False})
    process.kill()
    process.wait()


def mail(*attachments: tuple[str, bytes], subject: str = "Orders", text: str = "Hello") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Shop <shop@example.com>", "erp@example.com", subject
    made["Message-ID"] = f"<{feeds.unique('mail')}@example.com>"
    made.set_content(text)
    for name, content in attachments:
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


@contextmanager
def inside(at: Broker, name: str) -> Iterator[imaplib.IMAP4]:
    client = imaplib.IMAP4(at.host, at.port or 143)
    client.login(at.login or "", at.password or "")
    assert client.select(name)[0] == "OK"
    try:
        yield client
    finally:
        client.logout()


def put(at: Broker, name: str, *mails: bytes) -> None:
    with inside(at, name) as client:
        for each in mails:
            assert client.append(name, "", "", each)[0] == "OK"


def left(at: Broker, name: str, *words: str) -> int:
    """How many mails of the folder a search finds."""
    with inside(at, name) as client:
        found: Any = client.search(None, *words)[1]
        return len(found[0].split())


@contextmanager
def folder(at: Broker, *others: str, **config: Any) -> Iterator[Feed]:
    """``others``: folders beside it, by the ends of their names."""
    name = feeds.unique("imap")
    client = imaplib.IMAP4(at.host, at.port or 143)
    client.login(at.login or "", at.password or "")
    for each in ("", *others):
        assert client.create(name + each)[0] == "OK"
    client.logout()

    async def publish(bodies: Sequence[bytes]) -> None:
        await asyncio.to_thread(put, at, name, *(mail(("order.json", body)) for body in bodies))

    options = {"connection": "broker", "folder": name, "attachments": "*.json", "every": "0.3s"}
    yield Feed(
        kind="imap",
        config={**options, **config},
        brokers={"broker": at},
        publish=publish,
        acknowledged=lambda: not left(at, name, "UNSEEN", "UNDELETED"),
    )
