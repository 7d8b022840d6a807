"""One event has a bounded number of records; bodies keep neither the process from ending nor threads from others."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from webhook_server import SECRETS, mounted, write_route

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.record_bound import PARTS, read_bounded, refuse_crowded_json
from airflow_integrations.ledger.inbox.event_reader import MAX_RECORDS, record_list
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen import Message
from airflow_integrations.listen.message_reader import Reader
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.route.webhooks.trigger import WebhookOptions
from airflow_integrations.webhooks.body import read_content
from airflow_integrations.webhooks.body_threads import PARSING
from airflow_integrations.webhooks.endpoints import EndpointTable
from airflow_integrations.webhooks.intake import Intake

CROWDED = {
    "json": b"[" + b"{}," * 2_999_999 + b"{}]",
    "nested": b'{"orders": [' + b'{"a":{}},' * 900_000 + b"{}]}",
    "json_lines": b"{}\n" * 2_000_000,
}
HOSTILE = b"<a>" + b"<b/>" * 500_000 + b"</a>"
"""Takes about as long to read as anything of its size."""


def test_an_event_has_a_bounded_number_of_records() -> None:
    most = WebhookOptions.model_fields["max_records"].default
    assert len(record_list([{}] * most, "body", most=most)) == most == 10_000
    with pytest.raises(ContentError, match=r"10,001 records; at most 10,000"):
        record_list([{}] * (most + 1), "body", most=most)
    with pytest.raises(ContentError, match=r"100,001 records; at most 100,000"):  # of a queue's message
        record_list([{}] * (MAX_RECORDS + 1), "body")


@pytest.mark.parametrize("name", CROWDED)
def test_a_crowd_is_refused_before_it_is_built(name: str) -> None:
    content, given = CROWDED[name], "json" if name == "nested" else name
    webhook = WebhookOptions.model_validate({"path": "x", "verify": "none", "format": given, "max_size": "10MB"})
    queue = QueueOptions.model_validate({"format": given, "max_size": 16_000_000})
    reader = Reader(queue, route="orders", source="redis", params={})
    tracemalloc.start()
    try:
        with pytest.raises(ContentError, match=r"over 5\d\d,\d+ objects|over 100,000 records|over 6\d\d,\d+ objects"):
            read_content(content, "", webhook)
        (read,) = reader.read([Message("1", content, "orders")])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "at most" in str(read.reason)
    assert peak < 60_000_000  # built, they take 200 MB to 700 MB


def test_a_crowd_of_rows_is_refused() -> None:
    content = b"a\n" + b"1\n" * 3_000_000
    webhook = WebhookOptions.model_validate({"path": "x", "verify": "none", "format": "csv", "max_size": "10MB"})
    with pytest.raises(ContentError, match="over 100,000 records"):
        read_content(content, "", webhook)
    queue = QueueOptions.model_validate({"format": "csv", "max_size": 16_000_000})
    (read,) = Reader(queue, route="orders", source="redis", params={}).read([Message("1", content, "orders")])
    assert "over 100,000 records" in str(read.reason)


def test_what_is_large_and_no_crowd_is_read() -> None:
    order = b'{"id":"1042","lines":[{"sku":"A1","n":1}],"customer":{"id":7}}'
    refuse_crowded_json(b"[" + (order + b",") * (MAX_RECORDS - 1) + order + b"]", MAX_RECORDS)
    refuse_crowded_json(b"[" + b"{}," * (PARTS * 10 - 2) + b"{}]", 10)
    with pytest.raises(ContentError, match=r"over 50 objects and lists; at most 10 records"):
        refuse_crowded_json(b"[" + b"{}," * (PARTS * 10) + b"{}]", 10)


class Lines:
    """A reader that gives what has ended."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self, chunk: bytes) -> list[Any]:
        self.fed += len(chunk)
        return chunk.split()

    def finish(self) -> list[Any]:
        return [b"last"]


def test_reading_stops_where_there_are_too_many() -> None:
    assert read_bounded(Lines(), b"a b c", 4) == [b"a", b"b", b"c", b"last"]
    with pytest.raises(ContentError, match="over 3 records"):
        read_bounded(Lines(), b"a b c", 3)
    reader = Lines()
    with pytest.raises(ContentError, match="over 1,000 records"):
        read_bounded(reader, b"a " * 1_000_000, 1_000)
    assert reader.fed < 100_000


async def test_bodies_are_parsed_in_threads_that_end_with_the_process() -> None:
    assert await PARSING.run(lambda: threading.current_thread().daemon)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(PARSING.run(lambda: 1 // 0), 10)


async def test_a_large_body_needs_none_of_the_threads_that_others_need(tmp_path: Path) -> None:
    write_route(tmp_path / "routes", "orders", "webhook: {path: orders, verify: {github: shop}}")
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", synced=True)
    app = mounted(EndpointTable(tmp_path / "routes"), Intake(lambda: ledger, lambda routes: None))

    async def post(body: bytes) -> int:
        digest = hmac.new(SECRETS["shop"].password.encode(), body, hashlib.sha256).hexdigest()
        headers = [(b"x-hub-signature-256", f"sha256={digest}".encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/integrations/hooks/orders", "headers": headers}
        status = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            status.append(message.get("status"))

        await asyncio.wait_for(app({**scope, "query_string": b"", "root_path": ""}, receive, send), 20)
        return int(status[0])

    assert await post(b'[{"id": 1}]') == 202  # from here on the secret and the routes are known
    threads, busy = ThreadPoolExecutor(1), threading.Event()
    asyncio.get_running_loop().set_default_executor(threads)
    taken = asyncio.create_task(asyncio.to_thread(busy.wait, 60))
    try:
        assert await post(b'[{"id": 2, "text": "' + b"x" * 100_000 + b'"}]') == 202
        assert not taken.done()
    finally:
        busy.set()
        await taken


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_server_ends_while_hostile_bodies_are_parsed(tmp_path: Path) -> None:
    """Longer than its own patience with requests nothing keeps it."""
    write_route(tmp_path / "routes", "orders", "webhook: {path: orders, verify: none, max_size: 10MB}")
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.open(url, synced=True).close()
    (port,) = free_ports(1)
    script = Path(__file__).with_name("webhook_process.py")
    server = subprocess.Popen([sys.executable, str(script), url, str(tmp_path / "routes"), str(port), "1"])
    senders = []
    try:
        while not listening(port):
            assert server.poll() is None
            time.sleep(0.05)
        head = (
            b"POST /integrations/hooks/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\n"
            b"Content-Length: %d\r\n\r\n" % len(HOSTILE)
        )
        for _ in range(8):  # a quarter of a minute of work
            sender = socket.create_connection(("127.0.0.1", port))
            senders.append(sender)
            sender.sendall(head + HOSTILE)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        assert time.monotonic() - began < 10
    finally:
        for sender in senders:
            sender.close()
        server.kill()
        server.wait()
