"""A StatsD server on loopback: what Airflow's own client sends it, with tags as Airflow writes them for InfluxDB."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

PREFIX = "airflow."


@dataclass(frozen=True)
class Sent:
    """One value that arrived."""

    name: str
    tags: tuple[tuple[str, str], ...]
    value: float
    kind: str

    def tag(self, name: str) -> str:
        return dict(self.tags)[name]


class Listener:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.3)
        self._heard: list[Sent] = []
        self.port = self._socket.getsockname()[1]

    def heard(self) -> list[Sent]:
        """All that has arrived. What was sent on loopback is there: the socket keeps it until it is read."""
        while True:
            try:
                packet = self._socket.recv(65_536).decode()
            except TimeoutError:
                return self._heard
            self._heard.extend(_read(line) for line in packet.splitlines())

    def named(self, name: str) -> list[Sent]:
        return [sent for sent in self.heard() if sent.name == name]

    def close(self) -> None:
        self._socket.close()


def _read(line: str) -> Sent:
    name, _, rest = line.partition(":")
    value, kind = rest.split("|")[:2]
    name, *tags = name.split(",")
    assert name.startswith(PREFIX)
    return Sent(name.removeprefix(PREFIX), tuple(tuple(tag.split("=")) for tag in tags), float(value), kind)  # type: ignore[misc]


@contextmanager
def listening(monkeypatch: Any) -> Iterator[Listener]:
    """Airflow's metrics of this process go to a listener, as they do in a task where StatsD is on."""
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    listener = Listener()
    for name, value in {
        "STATSD_ON": "True",
        "STATSD_HOST": "127.0.0.1",
        "STATSD_PORT": str(listener.port),
        "STATSD_PREFIX": PREFIX.rstrip("."),
        "STATSD_INFLUXDB_ENABLED": "True",
    }.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    try:
        yield listener
    finally:
        from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger

        stats.initialize(factory=NoStatsLogger, export_legacy_names=False)
        listener.close()
