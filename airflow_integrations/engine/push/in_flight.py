"""The keys in flight, and those that have to wait: shared by those who plan and those who send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, TypeAlias

from airflow_integrations.errors import OutageError

if TYPE_CHECKING:
    from airflow_integrations.engine.push.chunk import Chunk
    from airflow_integrations.outgoing import Outbound

__all__ = ["OUTAGES_BEFORE_STOP", "InFlight", "SetAside"]

OUTAGES_BEFORE_STOP = 3
"""So many batches in a row that met an outage, none answered in between: the target is away, sending stops."""

SetAside: TypeAlias = "tuple[Chunk, int, Outbound, OutageError | None]"
"""An entity and the outage it met; None where it only waits behind an earlier state of its key."""


class InFlight:
    """One push at work."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop
        self.in_flight: set[str] = set()
        self.held: dict[str, Outbound] = {}
        """Keys that met an outage, with the last state of each: none goes out any more in this push."""
        self.set_aside: list[SetAside] = []
        """Entities that met an outage (or wait behind one of their key): their fate hangs on how the others fare."""
        self.fatal: Exception | None = None
        self.outage: OutageError | None = None
        self.outages_in_a_row = 0
        self.answered = 0
        """Batches that the target answered."""
        self.publish: Callable[[], Awaitable[None]] | None = None
        """Where the kind gathers: decides what is held, so that nobody waits for it in vain."""
        self._changed = asyncio.Event()

    @property
    def ending(self) -> bool:
        """Nothing new is begun: a stop was asked for, something is wrong for good, or the target is away."""
        return self.stop.is_set() or self.fatal is not None or self.outages_in_a_row >= OUTAGES_BEFORE_STOP

    def begins(self, keys: Iterable[str]) -> None:
        self.in_flight.update(keys)

    def ends(self, keys: Iterable[str]) -> None:
        self.in_flight.difference_update(keys)
        self._changed.set()

    def wake(self) -> None:
        """Let those who wait look again whether it is ending."""
        self._changed.set()

    async def ended(self, keys: Collection[str]) -> bool:
        """Wait until none of ``keys`` is in flight, or it is ending. False: some still are."""
        if self.publish is not None and not self.ending and not self.in_flight.isdisjoint(keys):
            await self.publish()
        while not self.in_flight.isdisjoint(keys):
            if self.ending:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    def met_outage(self, error: OutageError, entities: Iterable[tuple[Chunk, int, Outbound]]) -> None:
        """The target was away for these. What becomes of them is decided by how the others fare."""
        self.outage = error
        self.outages_in_a_row += 1
        for chunk, ordinal, outbound in entities:
            self.held[outbound.key] = outbound
            self.set_aside.append((chunk, ordinal, outbound, error))

    def waits_behind(self, chunk: Chunk, ordinal: int, outbound: Outbound) -> bool:
        """Whether a further state of a key that is held waits for a later run. False: it is older than the one that
        does. One with the same content waits, too: were it passed over, its row would be closed undelivered."""
        held = self.held[outbound.key]
        if outbound.passed_by(held.version, held.hash):
            return False
        self.held[outbound.key] = outbound
        self.set_aside.append((chunk, ordinal, outbound, None))
        return True

    def target_answered(self) -> list[SetAside]:
        """The target answered. Gives those that met an outage while it did: theirs was not an outage of the target.
        None where something is wrong for good: they are left to a later attempt."""
        self.answered += 1
        self.outages_in_a_row = 0
        return [] if self.fatal is not None else self.take_set_aside()

    def take_set_aside(self) -> list[SetAside]:
        """Take all that are set aside. Their keys stay held until the end of this push."""
        gone, self.set_aside = self.set_aside, []
        return gone
