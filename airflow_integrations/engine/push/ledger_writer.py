"""The way of outcomes from the journal into the ledger: in groups, in the journal's order, each exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.lease_times import PUSH_SECONDS
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.claims import release_leases, renew_leases
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.run import Services

__all__ = ["LedgerWriter"]

FLUSH_SECONDS = 1.0
"""The ledger is behind the journal by about this at most."""
FLUSH_ENTITIES = 5_000
"""Or by so many entities."""
MOST_BEHIND = 3 * FLUSH_ENTITIES
"""With so many entities the push waits for the ledger: bounds memory."""


class LedgerWriter:
    """Use as an asynchronous context: inside it, outcomes are written and leases renewed in the background; at its end
    everything is in the ledger and what is still reserved is given back."""

    def __init__(self, ref: RunRef, services: Services, journal: Journal) -> None:
        self.run = ref
        self._ledger = services.ledger
        self._now = services.now
        self._journal = journal
        self._noted: deque[tuple[int, Sequence[Outcome]]] = deque()
        self._size = 0
        self._claims: list[tuple[int, int]] = []
        self._wanted = asyncio.Event()
        self._writing = asyncio.Lock()
        self._held = 0
        self._renewed = services.now()
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self.error: Exception | None = None
        """What keeps the ledger from being written: nothing more is sent."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._ending = True  # and no cancelling: it may be writing
        self._wanted.set()
        await self._task
        if self.error is None:  # else the lease stays until it runs out: what is not in the ledger must not go again
            await self.flush()
            await asyncio.to_thread(release_leases, self._ledger, self.run)
        elif kind is None:
            raise self.error

    def reserved(self, claim: int | None) -> None:
        self._held += claim is not None

    def note(self, line: int, outcomes: Sequence[Outcome]) -> None:
        """Take what a done line of the journal says. Call it in the order of the lines."""
        self._noted.append((line, outcomes))
        self._size += len(outcomes)
        if self._size >= FLUSH_ENTITIES:
            self._wanted.set()

    def hurry(self) -> None:
        """Somebody waits for what was noted: it need not wait for more."""
        self._wanted.set()

    def finished(self, claim: int | None) -> None:
        """Every entity of a claim has its fate in what was noted so far: its lease ends with them."""
        if claim is not None:
            self._claims.append((self._noted[-1][0] if self._noted else 0, claim))

    def owes(self, claim: int | None) -> bool:
        """Whether what became of a finished claim's entities is still to be written."""
        return self._writing.locked() or any(claim == waiting for _, waiting in self._claims)

    async def room(self) -> None:
        """Wait where the ledger is far behind."""
        while self._size >= MOST_BEHIND:
            await self.flush()

    async def flush(self) -> None:
        """Everything noted so far into the ledger. Raises OutageError where that cannot be reached."""
        async with self._writing:
            await self._journal.durable()
            durable = self._journal.durable_lines
            while (self._noted and self._noted[0][0] <= durable) or (self._claims and self._claims[0][0] <= durable):
                await self._conclude_some(durable)

    async def _conclude_some(self, durable: int) -> None:
        """What fails stays noted: nothing behind it may be concluded before it."""
        outcomes, lines, upto = list[Outcome](), 0, durable
        for line, told in self._noted:
            if line > durable:
                break
            if len(outcomes) >= FLUSH_ENTITIES:
                upto = line - 1
                break
            outcomes.extend(told)
            lines += 1
        claims = [claim for line, claim in self._claims if line <= upto]
        await asyncio.to_thread(
            conclude, self._ledger, self.run, outcomes, now=self._now(), claims=claims, applied=upto
        )
        for _ in range(lines):
            self._noted.popleft()
        self._claims = [(line, claim) for line, claim in self._claims if line > upto]
        self._size -= len(outcomes)
        self._held -= len(claims)

    async def _work(self) -> None:
        try:
            while not self._ending:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_SECONDS):
                        await self._wanted.wait()
                self._wanted.clear()
                await self.flush()
                if self._now() - self._renewed > PUSH_SECONDS / 4:
                    await self._renew()
        except Exception as error:  # told to the workers, which end; push raises it
            self.error = error

    async def _renew(self) -> None:
        now = self._now()
        async with self._writing:
            held = self._held
            renewed = await asyncio.to_thread(renew_leases, self._ledger, self.run, lease_until=now + PUSH_SECONDS)
        if renewed < held:
            raise OutageError(
                "another run took over what this push had reserved, for it was not heard of for "
                f"{PUSH_SECONDS:.0f} s; the next attempt goes on with what is left"
            )
        self._renewed = now
