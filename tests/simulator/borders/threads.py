"""Threads that are greenlets: each gives way at its transactions. They work for one after the other, as those of a pool
do: to make one takes as long as a transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

import greenlet

__all__ = ["Thread"]

_FREE: list[greenlet.greenlet] = []
_DONE = object()


class Thread:
    """``work``, a turn at a time; ``loop`` says when the next one is."""

    __slots__ = ("_at_work", "_loop", "_work", "context")

    def __init__(self, loop: Any, work: Callable[[], None], context: Context) -> None:
        self._loop = loop
        self._work: Callable[[], None] | None = work
        self._at_work: greenlet.greenlet | None = None
        self.context = context

    def turn(self) -> None:
        at_work = self._at_work
        if at_work is not None:
            told = at_work.switch()
        else:
            at_work = self._at_work = _FREE.pop() if _FREE else greenlet.greenlet(_pooled)
            work, self._work = self._work, None
            told = at_work.switch(work)
        if told is _DONE:
            _FREE.append(at_work)
        else:
            self._loop.go_on(self)


def _pooled(work: Any) -> None:
    """Does what it is given, for ever. One whose process died in the middle of it is thrown away, and ends."""
    main = greenlet.getcurrent().parent
    assert main is not None
    while True:
        work()
        work = None
        work = main.switch(_DONE)
