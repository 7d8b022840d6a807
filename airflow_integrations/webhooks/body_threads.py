"""Runs work on bodies in threads that do not keep the process from ending, a few at once."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

__all__ = ["CHECKING", "PARSING", "BodyThreads"]

P = ParamSpec("P")
T = TypeVar("T")


class BodyThreads:
    """At most ``most`` daemon threads, started when they are needed, for all event loops of a process."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]] = (
            queue.SimpleQueue()
        )
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] = []

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result; raises what it raises. At the end of the process nobody waits for it.

        :func:`asyncio.to_thread` is another matter: the interpreter joins those threads before it ends, and whoever
        else needs one of them waits behind these bodies.
        """
        with self._starting:
            if len(self._threads) < self._most:
                self._threads.append(threading.Thread(target=self._work, name=self._name, daemon=True))
                self._threads[-1].start()
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        self._jobs.put((lambda: function(*args, **kwargs), result, loop))
        return await result

    def _work(self) -> None:
        while True:
            job, result, loop = self._jobs.get()
            value, error = None, None
            try:
                value = job()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has stopped: nobody waits any more
                loop.call_soon_threadsafe(_resolve, result, value, error)
            del job, value, error  # what one body has become is not kept until the next one comes


def _resolve(result: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if result.done():
        return
    if error is not None:
        result.set_exception(error)
    else:
        result.set_result(value)


PARSING = BodyThreads("integrations-bodies", 4)
"""They share one interpreter lock: more of them would parse no faster."""
CHECKING = BodyThreads("integrations-signatures", 2)
"""Signatures of large bodies, whose senders have proved nothing yet: they wait for each other, and for nobody else."""
