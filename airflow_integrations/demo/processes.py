"""Child processes in one process group: started together, watched, and ended to the last one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess  # starts this project's own programs, with fixed arguments
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psutil

__all__ = ["ProcessDied", "Processes", "Started", "free_ports"]

# The group's first member. It waits for the end of its standard input: a pipe that only the parent holds, so it closes
# even when the parent is killed with SIGKILL. Then it ends the whole group, itself included.
_GUARD = 'trap "" TERM INT; cat >/dev/null; kill -TERM 0; sleep 10; kill -KILL 0'


class ProcessDied(RuntimeError):
    """A process ended by itself. The text has its exit code and the end of its log."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on just now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Started(Protocol):
    """A process, as ``subprocess.Popen`` shows it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...


class Processes:
    """A context: processes started in it write to ``logs/<name>.log``, and none of them outlives it."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._guard: subprocess.Popen[bytes] | None = None
        self._running: dict[str, Started] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], *, cwd: Path | None = None) -> None:
        """Start a process in the group; its output goes to its log."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if self._guard is None:
            self._guard = subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, process_group=0)
        self._running[name] = self._begin(command, env, cwd, self.log(name), self._guard.pid)

    def _begin(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None, log: Path, group: int
    ) -> Started:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=group,
            )

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str], *, timeout: float) -> None:
        """Start a process and wait for its success. Raises ProcessDied for any other end."""
        self.start(name, command, env)
        process = self._running.pop(name)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ProcessDied(f"{name} did not end within {timeout:g} s\n{self.tail(name)}") from None
        if code:
            raise ProcessDied(f"{name} ended with exit code {code}\n{self.tail(name)}")

    def kill(self, name: str) -> None:
        """SIGKILL for a process and all that it has started, as a machine that dies does it."""
        process = self._running.pop(name)
        below = _descendants([process.pid])
        process.kill()
        for child in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()
        psutil.wait_procs(below, timeout=5)

    def check(self) -> None:
        """Raises ProcessDied when one of the processes is no more."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise ProcessDied(f"{name} ended by itself with exit code {code}\n{self.tail(name)}")

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def tail(self, name: str, lines: int = 25) -> str:
        """The end of a process's log, each line marked with its name."""
        log = self.log(name)
        text = log.read_bytes()[-20_000:].decode(errors="replace") if log.exists() else ""
        return "\n".join(f"  {name} | {line[:300]}" for line in text.splitlines()[-lines:])

    @property
    def names(self) -> list[str]:
        return list(self._running)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._running.values()]

    def stop(self, patience: float = 5) -> None:
        """SIGTERM to the group, SIGKILL to what is left after ``patience`` seconds. May be called again."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        # Airflow gives each task a process group of its own, so the group alone does not reach them.
        below = _descendants(self.pids)
        _signal_group(guard.pid, signal.SIGTERM)
        end = time.monotonic() + patience
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
        below += _descendants([process.pid for process in self._running.values() if process.poll() is None])
        _signal_group(guard.pid, signal.SIGKILL)
        for child in below:
            with contextlib.suppress(psutil.NoSuchProcess):  # psutil compares start times: never a stranger's pid
                child.kill()
        psutil.wait_procs(below, timeout=5)
        for process in (*self._running.values(), guard):
            process.wait()
        if guard.stdin is not None:
            guard.stdin.close()
        self._running.clear()


def _descendants(pids: Sequence[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += psutil.Process(pid).children(recursive=True)
    return found


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
