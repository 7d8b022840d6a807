"""Batches that a kind has taken into one thing, such as a file: they have their fate together, when it is published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.engine.push.chunk import Batch
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound, Result

if TYPE_CHECKING:
    from airflow_integrations.engine.push.session import PushSession

__all__ = ["Gathering"]


class Gathering:
    """``take_in`` writes down what became of a batch, ``broke`` that it met an error: see the workers. One task at a
    time uses it."""

    def __init__(
        self,
        session: PushSession,
        *,
        take_in: Callable[[Batch, Sequence[Result]], Awaitable[None]],
        broke: Callable[[Batch, OutageError | SetupError], Awaitable[None]],
    ) -> None:
        self._outgoing: Any = session.outgoing
        self._journal = session.journal
        self._traffic = session.traffic
        self._take_in, self._broke = take_in, broke
        self._held: list[Batch] = []

    @property
    def outbounds(self) -> list[Outbound]:
        """What is held."""
        return [outbound for batch in self._held for outbound in batch.outbounds]

    async def take(self, batch: Batch) -> None:
        """Hand a batch over. What of it has its fate at once is written down; the keys of the rest stay in flight.

        Raises what the kind's ``take`` does; nothing of this batch is held then.
        """
        results: list[Result | None] = await self._outgoing.take(batch.outbounds)
        held = [at for at, result in enumerate(results) if result is None]
        decided = [(at, result) for at, result in enumerate(results) if result is not None]
        if held:
            part = Batch(batch.chunk, unanswered=batch.unanswered)
            part.ordinals = [batch.ordinals[at] for at in held]
            part.outbounds = [batch.outbounds[at].without_content() for at in held]
            self._held.append(part)
        if decided:
            part = Batch(batch.chunk, [batch.ordinals[at] for at, _ in decided])
            part.outbounds = [batch.outbounds[at] for at, _ in decided]
            await self._take_in(part, [result for _, result in decided])
            self._traffic.ends(part.keys)
        if self._outgoing.full:
            await self.publish()

    async def publish(self) -> None:
        """What is held has its fate."""
        if not self._held:
            return
        try:
            results: list[Result] = await self._outgoing.publish()
        except (OutageError, SetupError) as error:
            held, self._held = self._held, []
            for batch in held:
                await self._broke(batch, error)
        else:
            held, self._held = self._held, []
            first = 0
            for batch in held:
                await self._take_in(batch, results[first : first + len(batch.outbounds)])
                first += len(batch.outbounds)
            await self._journal.durable()
            await self._outgoing.forget()
        for batch in held:
            self._traffic.ends(batch.keys)

    async def end(self, *, publish: bool) -> None:
        """Nothing more comes. Without ``publish``, as where sending ends early, what is held was not sent."""
        if publish:
            await self.publish()
            return
        held, self._held = self._held, []
        for batch in held:
            await self._journal.back(batch.ordinals)
            self._traffic.ends(batch.keys)
