"""Which keys are under way to the target, and which have to wait: shared by those who plan and those who send."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from airflow_integrations.entity import older
from airflow_integrations.errors import OutageError

if TYPE_CHECKING:
    from airflow_integrations.engine.chunks import Chunk
    from airflow_integrations.outgoing import Outbound

__all__ = ["OUTAGES_BEFORE_STOP", "Limbo", "Traffic"]

OUTAGES_BEFORE_STOP = 3
"""So many batches in a row that met an outage, none answered in between: the target is away, sending stops."""

Limbo: TypeAlias = "tuple[Chunk, int, Outbound, OutageError | None]"
"""An entity and the outage it met; None where it only waits behind an earlier state of its key."""


class Traffic:
    """One push under way."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop
        self.under_way: set[str] = set()
        self.held: dict[str, Outbound] = {}
        """Keys that met an outage, with the last state of each: none goes out any more in this push."""
        self.limbo: list[Limbo] = []
        """Entities that met an outage (or wait behind one of their key): their fate hangs on how the others fare."""
        self.fatal: Exception | None = None
        self.outage: OutageError | None = None
        self.outages_in_a_row = 0
        self.answered = 0
        """Batches that the target answered."""
        self._changed = asyncio.Event()

    @property
    def ending(self) -> bool:
        """Nothing new is begun: a stop was asked for, something is wrong for good, or the target is away."""
        return self.stop.is_set() or self.fatal is not None or self.outages_in_a_row >= OUTAGES_BEFORE_STOP

    def begins(self, keys: Iterable[str]) -> None:
        self.under_way.update(keys)

    def ends(self, keys: Iterable[str]) -> None:
        self.under_way.difference_update(keys)
        self._changed.set()

    def wake(self) -> None:
        """Let those who wait look again whether it is ending."""
        self._changed.set()

    async def ended(self, keys: Iterable[str]) -> None:
        """Wait until none of ``keys`` is under way, or it is ending."""
        while not self.under_way.isdisjoint(keys) and not self.ending:
            self._changed.clear()
            await self._changed.wait()

    def met_outage(self, error: OutageError, entities: Iterable[tuple[Chunk, int, Outbound]]) -> None:
        """The target was away for these. What becomes of them is decided by how the others fare."""
        self.outage = error
        self.outages_in_a_row += 1
        for chunk, ordinal, outbound in entities:
            self.held[outbound.key] = outbound
            self.limbo.append((chunk, ordinal, outbound, error))

    def waits_behind(self, chunk: Chunk, ordinal: int, outbound: Outbound) -> bool:
        """Whether a further state of a key that is held waits for a later run. False: it is older than the one that
        does. One with the same content waits, too: were it passed over, its row would be closed undelivered."""
        if older(outbound.version, self.held[outbound.key].version):
            return False
        self.held[outbound.key] = outbound
        self.limbo.append((chunk, ordinal, outbound, None))
        return True

    def heard(self) -> list[Limbo]:
        """The target answered. Gives those that met an outage while it did: theirs was no outage of the target."""
        self.answered += 1
        self.outages_in_a_row = 0
        return self.out_of_limbo()

    def out_of_limbo(self) -> list[Limbo]:
        """All that are in limbo, which is empty then. Their keys stay held until the end of this push."""
        gone, self.limbo = self.limbo, []
        return gone
