"""From a listener into the inbox, for ever: written first, acknowledged then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.listen import Listener, Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.message_reader import Reader
from airflow_integrations.plurals import counted, times

__all__ = ["Receiver"]

FIRST_WAIT = 0.5
"""Seconds before a connection that broke is tried again; twice as long each time."""
LONGEST_WAIT = 60.0
TOLD = 10
"""Messages of no use that one batch logs one by one."""


class Receiver:
    """Takes what a listener hears into the inbox.

    ``on_new`` is called, in the event loop, after events were written that the inbox did not have.
    """

    def __init__(
        self,
        listener: Listener,
        reader: Reader,
        inbox: Inbox,
        around: ListenContext,
        *,
        name: str,
        on_new: Callable[[], None] = lambda: None,
        log: logging.Logger | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._listener = listener
        self._reader = reader
        self._inbox = inbox
        self._around = around
        self._name = name
        self._on_new = on_new
        self._log = log or logging.getLogger("airflow_integrations")
        self._sleep = sleep
        self._now = now
        self._rng = rng or random.Random()  # noqa: S311 - dice for back-off

    async def run(self) -> None:
        """Never returns. An error of any kind ends in another try: a listener that stopped would be noticed by nobody.
        When it is cancelled the batch under way is finished first."""
        failures, told = 0, ""
        while True:
            try:
                async with aclosing(self._listener.batches(self._around)) as batches:
                    async for batch in batches:
                        await self._finish(batch)
                        if failures:
                            self._log.info("%s: is heard again", self._name)
                            failures, told = 0, ""
            except IntegrationError as error:
                failures += 1
                if str(error) != told or failures % 10 == 0:  # a broker that is back may refuse what it had before
                    told = str(error)
                    self._log.warning("%s: %s (tried %s)", self._name, error, times(failures))
            except Exception:
                failures += 1
                self._log.exception("%s: listening broke off; it begins anew", self._name)
            await self._sleep(self._wait(failures))

    def _wait(self, failures: int) -> float:
        return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures, 10)) * self._rng.uniform(0.5, 1)

    async def _finish(self, batch: Sequence[Message]) -> None:
        taking = asyncio.ensure_future(self._take(batch))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            with contextlib.suppress(asyncio.CancelledError, IntegrationError):
                await asyncio.wait_for(taking, 5)
            raise

    async def _take(self, batch: Sequence[Message]) -> None:
        if not batch:
            return
        read = await asyncio.to_thread(self._reader.read, batch)
        events = [each.event for each in read if each.event is not None]
        new = 0
        if events:
            failures = 0
            while True:
                try:
                    puts = await asyncio.to_thread(self._inbox.put, events, self._now())
                    break
                except OutageError as error:
                    failures += 1
                    if failures == 1 or failures % 10 == 0:
                        told = self._name, counted(len(events), "event"), error, times(failures)
                        self._log.warning("%s: %s waiting for the ledger: %s (tried %s)", *told)
                    await self._sleep(self._wait(failures))
            new = sum(put.new for put in puts)
        bad = [(message, each.reason) for message, each in zip(batch, read, strict=True) if each.reason is not None]
        self._tell(bad)
        if self._reader.dead_letters and bad:
            lost = {id(message) for message, _ in bad}
            await self._listener.settle([message for message in batch if id(message) not in lost], bad)
        else:
            await self._listener.settle(batch, ())
        if new:
            self._on_new()

    def _tell(self, bad: Sequence[tuple[Message, str]]) -> None:
        where = "the dead letters" if self._reader.dead_letters else "the next run, which rejects it"
        for message, reason in bad[:TOLD]:
            told = self._name, message.id, message.subject, where, reason
            self._log.error("%s: message %r of %r is of no use and goes to %s: %s", *told)
        if len(bad) > TOLD:
            self._log.error("%s: and %d more messages that are of no use", self._name, len(bad) - TOLD)
