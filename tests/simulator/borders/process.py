"""Processes that die at any point, as SIGKILL ends them: nothing of them runs afterwards, not even a ``finally``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

import greenlet

__all__ = ["PROCESS", "Killed", "Process", "reach"]


class Killed(BaseException):
    """Unwinds what a process was about to do in the moment of its death. What is written meanwhile goes nowhere."""


class Process:
    """One worker's process. Every step of a task, and everything that becomes durable, is a point at which it can die.

    ``dies_at`` is that point, from 1; ``torn`` says whether what it writes there is cut short. ``skew`` is how far its
    clock is from the world's. ``dies_on``: it dies when it reaches a border of this name for the so many-th time.
    """

    def __init__(self, name: str, *, dies_at: int | None = None, torn: bool = False, skew: float = 0.0) -> None:
        self.name = name
        self.alive = True
        self.points = 0
        self.died_at = ""
        self.dies_at = dies_at
        self.dies_on: tuple[str, int] | None = None
        self.torn = torn
        self.skew = skew
        self.stop = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self.opened = 0
        """Files, answers and connections that are open."""
        self._ended: asyncio.Future[Any] | None = None

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What ``work`` returns or raises, in this process; raises :class:`Died` when it dies."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        context = copy_context()
        context.run(PROCESS.set, self)
        task = loop.create_task(work, context=context)
        task.add_done_callback(self._done)
        return await self._ended

    def _done(self, task: asyncio.Task[Any]) -> None:
        assert self._ended is not None
        if self._ended.done():
            if not task.cancelled():
                task.exception()
        elif task.cancelled():
            self._ended.set_exception(Died(self.name))
        elif (error := task.exception()) is not None:
            self._ended.set_exception(error if isinstance(error, Exception) else Died(self.name))
        else:
            self._ended.set_result(task.result())

    def passes(self, what: str) -> None:
        """A point: raises :class:`Killed` where the process is dead, or dies here."""
        if not self.alive:
            raise Killed
        self.points += 1
        if self.dies_on is not None and what == self.dies_on[0]:
            self.dies_on = what, self.dies_on[1] - 1
        if self.points == self.dies_at or (self.dies_on is not None and not self.dies_on[1]):
            self.die(what)
            raise Killed

    def die(self, where: str) -> None:
        self.alive = False
        self.died_at = where
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(Died(self.name))

    def left_behind(self) -> list[str]:
        """What a process that came to its end still had under way: memory that a resident one would never get back."""
        found = [str(task.get_coro()) for task in self.tasks if not task.done()]
        return found + ([f"{self.opened} things open"] if self.opened else [])


class Died(Exception):
    """The process was killed."""


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


def reach(what: str) -> Process | None:
    """Pass a border: the process may die here, and where a thread passes it others may come between."""
    process = PROCESS.get()
    if process is not None:
        process.passes(what)
        main = greenlet.getcurrent().parent
        if main is not None and what == "transaction":
            main.switch()
            if not process.alive:
                raise Killed
    return process
