"""An event loop whose clock jumps to the next timer, whose threads are coroutines, and in which processes can die."""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import base_events, events
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

import greenlet

from simulator.borders.process import PROCESS, Killed
from simulator.borders.threads import Thread

__all__ = ["Stuck", "VirtualLoop"]

BEGIN = 1_800_000_000.0
"""Every world begins at this moment, in seconds since the epoch."""


class Stuck(Exception):
    """Everybody waits for somebody else, or nothing comes to an end."""


class _Step(events.Handle):
    """A step that is a point of its process, and is not taken once that is dead."""

    __slots__ = ()

    def __init__(self, callback: Any, args: Any, loop: Any, context: Context | None = None) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None

    def _run(self) -> None:
        if _may_go_on(self._context):
            super()._run()


class _Timer(events.TimerHandle):
    __slots__ = ()
    _context: Context
    _when: float

    def __init__(self, when: float, callback: Any, args: Any, loop: Any, context: Context | None = None) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = False

    def __lt__(self, other: Any) -> bool:
        return bool(self._when < other._when)

    def _run(self) -> None:
        if _may_go_on(self._context):
            super()._run()


def _may_go_on(context: Context) -> bool:
    """Whether a step of this context is taken: its process may be dead, or die of it."""
    process = context.get(PROCESS)
    if process is not None:
        if not process.alive:
            return False
        process.points += 1
        if process.points == process.dies_at:
            process.die("between two steps")
            return False
    return True


class VirtualLoop(base_events.BaseEventLoop):
    """``chance`` decides how long threads take. ``most_steps`` bounds a world's work: one that goes on is stuck."""

    _scheduled: list[Any]
    _ready: deque[Any]

    def __init__(self, chance: random.Random, *, most_steps: int) -> None:
        super().__init__()
        self._chance = chance
        self._left = most_steps
        self._at = BEGIN
        self.unexpected: list[BaseException] = []
        """Errors outside all processes, which nobody heard of."""
        self._selector = self
        self._clock_resolution = 1e-6  # above what a float of this size can tell apart
        self.set_task_factory(_task_of)
        self.set_exception_handler(lambda loop, context: None)

    get_debug = staticmethod(bool)  # no, and each task and future asks

    def time(self) -> float:
        return self._at

    def select(self, timeout: float | None) -> list[Any]:
        """What the loop asks its selector: there is no network, so the next timer is what comes next."""
        self._left -= 1
        if self._left < 0:
            raise Stuck("the world does not come to an end")
        if timeout is None:
            raise Stuck("everybody waits for somebody else")
        if timeout > 0 and self._scheduled:
            self._at = max(self._at, self._scheduled[0].when())
        return []

    def _run_once(self) -> None:
        """As asyncio's own does it, without a selector."""
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)
        self._left -= 1
        if self._left < 0:
            raise Stuck("the world does not come to an end")
        if not ready:
            if not scheduled:
                raise Stuck("everybody waits for somebody else")
            self._at = max(self._at, scheduled[0]._when)
        end = self._at + self._clock_resolution
        while scheduled and scheduled[0]._when < end:
            ready.append(heapq.heappop(scheduled))
        for _ in range(len(ready)):
            step = ready.popleft()
            if step._cancelled or not _may_go_on(step._context):
                continue
            try:
                step._context.run(step._callback, *step._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                if step._context.get(PROCESS) is None:  # an error of the world's own
                    self.unexpected.append(error)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> events.Handle:  # type: ignore[override]
        handle = _Step(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> events.TimerHandle:  # type: ignore[override]
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> events.TimerHandle:  # type: ignore[override]
        return self.call_at(self._at + delay, callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """A thread: it goes on at its own pace, and others come between two transactions of it."""
        future: asyncio.Future[Any] = asyncio.Future(loop=self)

        def work() -> None:
            try:
                result = func(*args)
            except Killed:
                return
            except BaseException as error:
                if not future.cancelled():
                    future.set_exception(error)
                if isinstance(error, greenlet.GreenletExit):
                    raise
            else:
                if not future.cancelled():
                    future.set_result(result)

        self.go_on(Thread(self, work, copy_context()))
        return future

    def go_on(self, thread: Thread) -> None:
        """After a moment the thread is up to its next transaction."""
        self.call_at(self._at + self._chance.random() * 0.004, thread.turn, context=thread.context)

    def close(self) -> None:
        self._ready.clear()
        self._scheduled.clear()
        super().close()


def _task_of(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
    context = named.get("context")
    process = context.get(PROCESS) if context is not None else PROCESS.get()
    task = asyncio.Task(work, loop=loop, **named)
    if process is not None:
        if len(process.tasks) > 64:
            process.tasks = [each for each in process.tasks if not each.done()]
        process.tasks.append(task)
        if not process.alive:
            process.die("")
    return task
