"""Real processes: the servers, and workers that can be killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from chaos.worker import Task, perform

__all__ = ["Servers", "Worker"]

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["chaos.worker", "chaos.preload"])

ANSWER_SECONDS = 300.0
"""A worker that is silent for so long hangs, which is a fault of what is tested."""


class Worker:
    """A process that does one task; with ``forked`` a fork of this one, which must have no threads."""

    def __init__(self, task: Task, *, forked: bool = False) -> None:
        self.task = task
        self._ear, mouth = _forks.Pipe(duplex=False)
        start = multiprocessing.get_context("fork").Process if forked else _forks.Process
        self._process: BaseProcess = start(target=perform, args=(task, mouth), daemon=True)
        self._process.start()
        mouth.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def events(self) -> Iterator[tuple[str, Any]]:
        """What it tells, until it ends; a worker that dies just ends."""
        while True:
            if not self._ear.poll(ANSWER_SECONDS):
                self.kill()
                raise TimeoutError(f"{self.task.stage} of {self.task.run_id} said nothing for {ANSWER_SECONDS:.0f} s")
            try:
                yield self._ear.recv()
            except EOFError:
                return

    def kill(self) -> bool:
        """False where it has ended already."""
        if not self._process.is_alive():
            return False
        os.kill(self.pid, signal.SIGKILL)
        return True

    def end(self) -> int:
        """Wait for its end; the exit code, negative where a signal killed it."""
        self._process.join()
        self._ear.close()
        assert self._process.exitcode is not None
        return self._process.exitcode


class Servers:
    """The source and the target."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    @contextmanager
    def running(cls, *arguments: object, module: str = "chaos.servers") -> Iterator[Servers]:
        """They run until the block ends; ``arguments`` as ``python -m module`` takes them."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield cls(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()
            process.communicate()

    def calm(self) -> None:
        """No more faults."""
        self.tell("/calm")

    def unsure(self, seconds: float) -> None:
        """A client died: what the target answered in the last seconds may not have been heard."""
        self.tell(f"/unsure?seconds={seconds}")

    def tell(self, path: str) -> None:
        """A command, by POST."""
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method="POST")):
            pass

    def books(self) -> tuple[dict[str, list[tuple[int, str]]], dict[str, int]]:
        """What the target has taken, ``(version, total)`` in the order of arrival for each number, and its counts."""
        with urllib.request.urlopen(self.url + "/books") as answer:
            books = json.load(answer)
        return {number: [(v, t) for v, t in taken] for number, taken in books["taken"].items()}, books["counts"]
