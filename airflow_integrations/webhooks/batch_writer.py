"""Many requests, one transaction: events of all requests that wait are written together, and then answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.event_rows import NewEvent, Put
from airflow_integrations.ledger.storage.database_errors import CommitLost
from airflow_integrations.webhooks.request import Gone

if TYPE_CHECKING:
    from airflow_integrations.ledger.inbox.inbox import Inbox

__all__ = ["Away", "Full", "Ring", "Writer"]

MOST_WAITING = 2_000
"""Requests."""
MOST_BYTES = 64_000_000
AT_ONCE = 500
"""Requests that one transaction takes, if they have no more than AT_ONCE_BYTES."""
AT_ONCE_BYTES = 8_000_000
PATIENCE = 15.0
"""Seconds after which a request that still waits is taken back and told that the ledger is away: senders give up after
10 to 30 themselves."""
WATCHED_AFTER = 0.5
"""Seconds after which a request that still waits is taken back when its sender hangs up."""
ASKED_AGAIN = 0.5
"""Seconds between two tries to learn whether a lost connection had committed."""

Ring = Callable[[Iterable[str]], None]
"""Tells routes, by name, that something waits for them. Thread-safe, and returns at once."""

log = logging.getLogger("airflow_integrations")


class Full(Exception):
    """So much waits to be written that nothing more is taken."""


class Away(Exception):
    """The ledger cannot be written to, and the events are not in it. Only where the connection broke while it committed
    and the ledger then stays away is that unknown: their ids tell when they come again."""


class _Request:
    __slots__ = ("answer", "events", "loop", "size", "until")

    def __init__(self, events: Sequence[NewEvent], loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self.events = events
        self.until = time.monotonic() + patience
        self.size = sum(len(event.body) for event in events)
        self.loop = loop
        self.answer: asyncio.Future[list[Put]] = loop.create_future()


class Writer:
    """One thread for all requests of a process, started with the first. What :meth:`put` has answered is on disk."""

    def __init__(
        self,
        inbox: Callable[[], Inbox],
        ring: Ring,
        *,
        now: Callable[[], float] = time.time,
        most_waiting: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
        patience: float = PATIENCE,
    ) -> None:
        """``inbox`` opens it, or gives the one that is open; raises SetupError and OutageError."""
        self._inbox = inbox
        self._ring = ring
        self._now = now
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._patience = patience
        self._waiting: deque[_Request] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def put(
        self, events: Sequence[NewEvent], *, gone: Callable[[], Awaitable[object]] | None = None
    ) -> list[Put]:
        """When they are on disk. Raises Full and Away, and then they are not written later either.

        ``gone`` returns when the sender has hung up: what is not being written by then is taken back, and Gone raised.
        The same holds for who is cancelled. What is being written has no true answer before that is over.
        """
        request = _Request(events, asyncio.get_running_loop(), self._patience)
        self._enqueue(request)
        try:
            await asyncio.wait({request.answer}, timeout=min(self._patience, WATCHED_AFTER))
            if not request.answer.done():
                await self._outwaited(request, gone)
        except BaseException:
            self._taken_back(request)
            request.answer.cancel()
            raise
        return await request.answer

    async def _outwaited(self, request: _Request, gone: Callable[[], Awaitable[object]] | None) -> None:
        """Until it is written, or its time is over. Raises Away and Gone."""
        left = asyncio.ensure_future(gone()) if gone is not None else request.loop.create_future()
        try:
            await asyncio.wait(
                {request.answer, left},
                timeout=max(0.0, request.until - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if request.answer.done():
                return
            if left.done():
                raise Gone
            if self._taken_back(request):
                raise Away
            await asyncio.wait({request.answer, left}, return_when=asyncio.FIRST_COMPLETED)
            if not request.answer.done():
                raise Gone
        finally:
            left.cancel()

    def _taken_back(self, request: _Request) -> bool:
        """Whether it was still waiting, and nobody writes it now."""
        with self._changed:
            try:
                self._waiting.remove(request)
            except ValueError:
                return False
            self._bytes -= request.size
            return True

    def close(self) -> None:
        """Writes what waits, and ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _enqueue(self, request: _Request) -> None:
        with self._changed:
            if self._closed or len(self._waiting) >= self._most_waiting or self._bytes > self._most_bytes:
                raise Full
            self._waiting.append(request)
            self._bytes += request.size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="integrations-inbox", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _work(self) -> None:
        while some := self._next():
            self._write(some)

    def _next(self) -> list[_Request]:
        """Empty: it is closed, and nothing waits."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            some, size = list[_Request](), 0
            while self._waiting and len(some) < AT_ONCE and (not some or size < AT_ONCE_BYTES):
                request = self._waiting.popleft()
                size += request.size
                some.append(request)
            self._bytes -= size
            return some

    def _write(self, some: list[_Request]) -> None:
        events = [event for request in some for event in request.events]
        try:
            puts = self._written(events, min(request.until for request in some))
        except (OutageError, SetupError) as error:
            log.warning("%d webhook requests are refused: %s", len(some), error)
            self._answer(some, None)
            return
        except Exception:
            if len(some) > 1:  # one of them may be to blame; it takes none of the others along
                for request in some:
                    self._write([request])
                return
            log.exception("an event could not be written")
            self._answer(some, None)
            return
        self._answer(some, puts)
        if new := {event.route for event, put in zip(events, puts, strict=True) if put.new}:
            self._tell(new)

    def _written(self, events: list[NewEvent], until: float) -> list[Put]:
        """Where the connection broke while it committed, the same events are put once more: what is there already stays
        as it is, so the answer tells what is true."""
        doubtful = False
        while True:
            try:
                puts = self._inbox().put(events, self._now())
            except CommitLost:
                doubtful = True
                if time.monotonic() >= until:
                    raise
            except OutageError:
                if not doubtful or time.monotonic() >= until:
                    raise
            else:
                if doubtful:
                    self._tell({event.route for event in events})
                return puts
            time.sleep(ASKED_AGAIN)

    def _answer(self, some: list[_Request], puts: list[Put] | None) -> None:
        answered: dict[asyncio.AbstractEventLoop, list[tuple[_Request, list[Put] | None]]] = {}
        at = 0
        for request in some:
            own = None if puts is None else puts[at : at + len(request.events)]
            at += len(request.events)
            answered.setdefault(request.loop, []).append((request, own))
        for loop, of in answered.items():
            with contextlib.suppress(RuntimeError):  # the server has stopped: nobody waits any more
                loop.call_soon_threadsafe(_resolve, of)

    def _tell(self, routes: set[str]) -> None:
        try:
            self._ring(routes)
        except Exception:  # it is only the bell: a sweep finds what waits
            log.exception("the runs of %s could not be started at once", ", ".join(sorted(routes)))


def _resolve(answered: list[tuple[_Request, list[Put] | None]]) -> None:
    for request, puts in answered:
        if request.answer.done():  # its sender has gone, or was told that the ledger is away
            continue
        if puts is None:
            request.answer.set_exception(Away())
        else:
            request.answer.set_result(puts)
