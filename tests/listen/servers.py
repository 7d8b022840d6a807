"""Brokers of a test's own, as child processes on free ports: to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from airflow_integrations.demo.processes import free_ports
from airflow_integrations.queues.broker import Broker

__all__ = ["Server"]

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
user root
max_queued_messages 0
"""


class Server:
    """A context. What it has taken and confirmed survives :meth:`restart`.

    ``login`` and ``password`` are needed to get in where they are given. ``pem`` is a file with a certificate for
    127.0.0.1 and its key: then it speaks TLS.
    """

    def __init__(
        self, kind: str, folder: Path, *, login: str = "", password: str = "", pem: Path | None = None
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.login, self.password = login, password
        self.pem = pem
        self.port, self._other_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def broker(self) -> Broker:
        """With all that is needed to get in."""
        extra = {"tls": True, "ca": str(self.pem)} if self.pem else {}
        return Broker(
            "broker", self.kind, "127.0.0.1", self.port, self.login or None, self.password or None, extra=extra
        )

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
        """Killed where it keeps what it confirmed; mosquitto writes that down when it ends, and RabbitMQ, unless it
        is told to, only every few minutes which queues were declared."""
        if self.kind == "rabbitmq":
            env = {**os.environ, **self._command()[1]}
            subprocess.run(
                [RABBITMQCTL, "eval", "mnesia:sync_log()."], env=env, check=True, timeout=60, capture_output=True
            )
        self.stop(signal.SIGTERM if self.kind == "mqtt" else signal.SIGKILL)
        time.sleep(1)
        self.start()

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        made: dict[str, Callable[[], tuple[Sequence[str], Mapping[str, str]]]] = {
            "redis": self._redis,
            "nats": self._nats,
            "mqtt": self._mosquitto,
            "rabbitmq": self._rabbitmq,
        }
        return made[self.kind]()

    def _redis(self) -> tuple[Sequence[str], Mapping[str, str]]:
        options = ["--bind", "127.0.0.1", "--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "always"]
        if self.pem:
            files = ["--tls-cert-file", str(self.pem), "--tls-key-file", str(self.pem), "--tls-auth-clients", "no"]
            options += ["--port", "0", "--tls-port", str(self.port), *files]
        else:
            options += ["--port", str(self.port)]
        if self.login:
            options += ["--user", self.login, "on", f">{self.password}", "~*", "+@all", "--user", "default", "off"]
        return ["redis-server", *options], {}

    def _nats(self) -> tuple[Sequence[str], Mapping[str, str]]:
        options = ["-js", "-sd", str(self.folder), "-a", "127.0.0.1", "-p", str(self.port)]
        if self.pem:
            options += ["--tls", "--tlscert", str(self.pem), "--tlskey", str(self.pem)]
        if self.login:
            options += ["--user", self.login, "--pass", self.password]
        return ["nats-server", *options], {}

    def _mosquitto(self) -> tuple[Sequence[str], Mapping[str, str]]:
        text = MOSQUITTO.format(port=self.port, folder=self.folder)
        if self.pem:
            text += f"certfile {self.pem}\nkeyfile {self.pem}\n"
        if self.login:
            passwords = self.folder / "passwords"
            subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), self.login, self.password], check=True)
            text = text.replace("allow_anonymous true", f"allow_anonymous false\npassword_file {passwords}")
        config = self.folder / "mosquitto.conf"
        config.write_text(text)
        return ["mosquitto", "-c", str(config)], {}

    def _rabbitmq(self) -> tuple[Sequence[str], Mapping[str, str]]:
        folder = str(self.folder)
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[].")
        config = self.folder / "rabbitmq.conf"
        secure = f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{self.port}\n" if self.pem else ""
        if self.pem:
            secure += f"ssl_options.certfile = {self.pem}\nssl_options.keyfile = {self.pem}\n"
        user = f"default_user = {self.login}\ndefault_pass = {self.password}\n" if self.login else ""
        config.write_text(secure + user)
        return [RABBITMQ], {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._other_port),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")),
        }
