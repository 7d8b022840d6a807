"""Airflow's four components as plain processes on SQLite: those of ``airflow standalone``.

For demos and tests on one machine. Needs nothing but a folder; every port is a free one of the loopback interface.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import Self

from airflow_integrations.demo.processes import ProcessDied, Processes, free_ports

__all__ = ["Components"]

_COMPONENTS = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer",),
    "scheduler": ("scheduler",),
}
_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
TOLD_SECONDS = 5
"""So often it is said what is still waited for."""
_HEALTH: Set[str] = {"metadatabase", "scheduler", "dag_processor", "triggerer"}


class Components:
    """Airflow in ``home``, with ``env`` over the settings made here. A context: inside it Airflow is healthy.

    ``port`` is that of the API server; a free one where none is given. ``say`` gets a line for what is waited for.
    ``url``, ``user`` and ``password`` open its UI and its REST API. Entering raises ProcessDied when a component dies
    or is not healthy in time; leaving ends all processes.
    """

    def __init__(
        self,
        home: Path,
        env: Mapping[str, str] | None = None,
        *,
        dags: Path,
        pools: bool = True,
        port: int | None = None,
        password: str | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.home = home.resolve()
        self.pools = pools
        self.say = say
        self.user, self.password = "admin", password or secrets.token_urlsafe(12)
        free, worker_logs, trigger_logs = free_ports(3)
        self.port = port or free
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = Processes(self.home / "logs" / "components")
        self._sqlite = f"sqlite:///{self.home / 'airflow.db'}"
        self.env = {
            **_inherited(),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags.resolve()),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": self._kept(
                "fernet_key", lambda: base64.urlsafe_b64encode(os.urandom(32)).decode()
            ),
            # SQLite lets one write at a time; on a busy machine the default of 5 s ended a scheduler that waited.
            _DATABASE: f"{self._sqlite}?timeout=60",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": self._kept("secret_key", lambda: secrets.token_urlsafe(64)),
            "AIRFLOW__API_AUTH__JWT_SECRET": self._kept("jwt_secret", lambda: secrets.token_urlsafe(64)),
            # Each hop from task to task waits for one loop of the scheduler: 1 s by default.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            # An API server that is restarted does not end its tasks: each failure takes about 10 s.
            "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "10",
            # How soon tasks that died with their worker are noticed, and tried again: 300 s by default.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
            "AIRFLOW__TRIGGERER__CAPACITY": "100",
            # A laptop that is busy starting all this must not fail a task: the default is 5 s.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_logs),
            "AIRFLOW__INTEGRATIONS__POOLS": str(pools),
            **(env or {}),
        }
        self.shell = self.home / "env.sh"
        """``. env.sh`` makes a shell see this Airflow and its Connections: for the command line beside it."""
        self._write_private("passwords.json", json.dumps({self.user: self.password}))
        self._write_private("env.sh", self._exports())

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def airflow(self, *arguments: str) -> list[str]:
        """The command line of an Airflow command, run by this very interpreter whatever is on PATH."""
        return [sys.executable, "-m", "airflow", *arguments]

    def start(self, timeout: float = 300) -> None:
        """Make the database and the pools, start the components, wait until all are healthy."""
        self.say("Airflow: making its database (10 to 30 s) …")
        self.processes.run("db-migrate", self.airflow("db", "migrate"), self.env, timeout=timeout)
        if self.pools:
            self.processes.run("pools", self.airflow("integrations", "pools", "create"), self.env, timeout=timeout)
        self.say(f"Airflow: starting {', '.join(_COMPONENTS)} (20 to 60 s) …")
        end = time.monotonic() + timeout
        for name, arguments in _COMPONENTS.items():
            if name == "scheduler":  # a task that it starts before the API server answers would fail
                self._wait_for({"metadatabase"}, end)
            self._start(name, arguments)
        self._wait_for(_HEALTH, end)

    def restart(self, name: str) -> None:
        """Start a component again that was killed."""
        self._start(name, _COMPONENTS[name])

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        env = self.env
        if name == "api-server" and env[_DATABASE].startswith(self._sqlite):
            # Airflow 3.3 writes its audit log in the server's event loop. Where that has to wait for a request of the
            # same server, whose end needs the loop, nothing goes on before SQLite's patience has ended: 5 s by default.
            env = {**env, _DATABASE: self._sqlite}
        self.processes.start(name, self.airflow(*arguments), env, cwd=self.home)

    def _wait_for(self, parts: Set[str], end: float) -> None:
        began = told = time.monotonic()
        while missing := self.missing(parts):
            self.processes.check()
            if (now := time.monotonic()) - told >= TOLD_SECONDS:
                told = now
                names = ", ".join(sorted(missing)).replace("_", "-")  # as they were called when they were started
                self.say(f"Airflow: still waiting for {names} ({now - began:.0f} s) …")
            if time.monotonic() > end:
                tails = "\n".join(self.processes.tail(name) for name in self.processes.names)
                raise ProcessDied(f"Airflow was not healthy in time\n{tails}")
            time.sleep(0.25)

    def healthy(self, parts: Set[str] = _HEALTH) -> bool:
        """Whether the API server answers and has heard from these parts: all of them, where none are named."""
        return not self.missing(parts)

    def missing(self, parts: Set[str] = _HEALTH) -> Set[str]:
        """Which of these parts the API server has not heard from; the API server itself where it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/api/v2/monitor/health")
            found = json.load(connection.getresponse())
        except (OSError, http.client.HTTPException, ValueError):
            return {"api_server"}
        finally:
            connection.close()
        return {name for name in parts if found.get(name, {}).get("status") != "healthy"}

    def check(self) -> None:
        """Raises ProcessDied, with the end of its log, when a component is no more."""
        self.processes.check()

    def stop(self) -> None:
        self.processes.stop()

    def _exports(self) -> str:
        settings = {name: value for name, value in self.env.items() if name.startswith("AIRFLOW")}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
        return "\n".join([*lines, f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"', ""])

    def _write_private(self, name: str, text: str) -> None:
        path = self.home / name
        path.touch(mode=0o600)
        path.write_text(text)

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """A secret of this home: made once, in a file that only its owner reads."""
        folder = self.home / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        if not path.exists():
            self._write_private(f"secrets/{name}", make())
        return path.read_text()


def _inherited() -> dict[str, str]:
    """This process's environment less every Airflow setting; no proxy is asked for the loopback interface."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name), "127.0.0.1,localhost")))
    return kept
