"""The server is killed in the middle of a burst: what it answered with 2xx is in the inbox, each event once."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from sqlalchemy import select
from webhook_server import write_route

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables

KILLS = 3
SENDERS = 16


class Burst:
    """Senders that send event after event, each until it was answered with 2xx: what a good sender does."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/integrations/hooks/orders"
        self.answered: set[str] = set()
        self.statuses: list[int] = []
        self.lost = 0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._send, args=(sender,)) for sender in range(SENDERS)]

    def _send(self, sender: int) -> None:
        at = 0
        while not self.ending.is_set():
            at += 1
            body = json.dumps({"id": f"{sender}-{at}", "filler": "x" * 900})
            while True:
                try:
                    answer = requests.post(
                        self.url, data=body, headers={"Content-Type": "application/json"}, timeout=60
                    )
                except (
                    requests.ConnectionError,
                    requests.exceptions.ChunkedEncodingError,
                ):  # no answer, or half of one
                    self.lost += 1
                    time.sleep(0.05)
                    continue
                self.statuses.append(answer.status_code)
                if answer.status_code in (200, 202):
                    self.answered.add(answer.json()["event"])
                    break
                time.sleep(0.05)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.e2e
def test_what_was_answered_survives(ledger_url: str, tmp_path: Path) -> None:
    write_route(tmp_path / "routes", "orders", "webhook: {path: orders, verify: none, event_id: body.id}")
    Ledger.open(ledger_url, synced=True).close()
    (port,) = free_ports(1)
    script = Path(__file__).with_name("webhook_process.py")
    command = [sys.executable, str(script), ledger_url, str(tmp_path / "routes"), str(port)]
    burst = Burst(port)
    for round_ in range(KILLS + 1):
        server = subprocess.Popen(command)
        try:
            while not listening(port):
                assert server.poll() is None
                time.sleep(0.05)
            if round_ == 0:
                for thread in burst.threads:
                    thread.start()
            before = len(burst.answered)
            while len(burst.answered) < before + 150:
                time.sleep(0.01)
            if round_ == KILLS:
                burst.ending.set()
                for thread in burst.threads:
                    thread.join()
        finally:
            server.kill()
            server.wait()
    assert burst.lost >= KILLS  # it did die in the middle of something
    assert set(burst.statuses) <= {200, 202}
    with Ledger.open(ledger_url) as ledger, ledger.read() as connection:
        stored = list(connection.scalars(select(tables.event.c.event_id)))
    assert len(stored) == len(set(stored))
    assert set(stored) == burst.answered
