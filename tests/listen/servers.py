"""Brokers of a test's own, as child processes on free ports: to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.listen.broker import Broker

__all__ = ["Server"]

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
user root
max_queued_messages 0
"""


class Server:
    """A context. What it has taken and confirmed survives :meth:`restart`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.port, self._other_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def broker(self) -> Broker:
        return Broker("broker", self.kind, "127.0.0.1", self.port)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def start(self) -> None:
        command, env = self._command()
        if shutil.which(command[0]) is None:
            told = f"{command[0]} is not installed"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{told}, and CI=true")
            pytest.skip(told)
        with (self.folder / "log").open("ab") as log:
            # In a session of its own, so that its children end with it.
            self._process = subprocess.Popen(
                command, env={**os.environ, **env}, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + 120
        while True:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.1)

    def stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, how)
            self._process.wait(60)
            self._process = None

    def restart(self) -> None:
        """Killed where it keeps what it confirmed; mosquitto writes that down when it ends."""
        self.stop(signal.SIGTERM if self.kind == "mqtt" else signal.SIGKILL)
        time.sleep(1)
        self.start()

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        port, folder = str(self.port), str(self.folder)
        if self.kind == "redis":
            durable = ["--appendonly", "yes", "--appendfsync", "always"]
            return ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder, *durable], {}
        if self.kind == "nats":
            return ["nats-server", "-js", "-sd", folder, "-a", "127.0.0.1", "-p", port], {}
        if self.kind == "mqtt":
            config = self.folder / "mosquitto.conf"
            config.write_text(MOSQUITTO.format(port=port, folder=folder))
            return ["mosquitto", "-c", str(config)], {}
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[].")
        return [RABBITMQ], {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"test-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_DIST_PORT": str(self._other_port),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": f"{folder}/none",
        }
