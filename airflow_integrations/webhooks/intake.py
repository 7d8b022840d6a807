"""Events into the inbox, and the answer: at once, or when their entities have their fate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.event_outcomes import ask_for
from airflow_integrations.ledger.inbox.event_rows import NewEvent, Put
from airflow_integrations.route.definition import Route
from airflow_integrations.webhooks.batch_writer import Away, Full, Ring, Writer
from airflow_integrations.webhooks.events import Records
from airflow_integrations.webhooks.outcome_response import OutcomeResponse, tell
from airflow_integrations.webhooks.outcome_waiter import MOST_ENTITIES, Wait, Waiting
from airflow_integrations.webhooks.responses import Answer, away, full

if TYPE_CHECKING:
    from airflow_integrations.ledger.inbox.inbox import Inbox
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["Intake"]

Part = tuple[Route, Records]


class Intake:
    """One for each process, for webhooks and API alike: all of their events share the transactions."""

    def __init__(self, ledger: Callable[[], Ledger], ring: Ring) -> None:
        """``ledger`` opens it, or gives the one that is open; raises SetupError and OutageError. It has to be one that
        syncs, see :meth:`Database.open`."""
        self._ledger = ledger
        self._inbox: Inbox | None = None
        self._writer = Writer(self._opened, ring)
        self._waiting = Waiting(lambda: ledger())

    def close(self) -> None:
        self._writer.close()

    def _opened(self) -> Inbox:
        """Always the same, which knows the numbers of routes."""
        if self._inbox is None:
            self._inbox = self._ledger().inbox
        return self._inbox

    async def take(
        self,
        event_id: str,
        parts: Sequence[Part],
        *,
        source: str,
        wait: float,
        later: str,
        gone: Callable[[], Awaitable[object]] | None = None,
    ) -> Answer:
        """``parts`` are the records for each route. ``wait``: seconds for which the sender waits. ``later``: the
        address of the API, below which it may look. ``gone`` is that of :meth:`Writer.put`."""
        parts = [part for part in parts if part[1].count]
        entities = sum(records.count for _, records in parts if records.refused is None)
        refused = next((records.refused for _, records in parts if records.refused is not None), None)
        if not parts:
            return Answer(202, {"event": event_id, "entities": 0})
        waits = bool(wait) and entities <= MOST_ENTITIES and refused is None
        events = [
            NewEvent(route=route.route, event_id=event_id, body=records.body, source=source, wanted=waits)
            for route, records in parts
        ]
        try:
            puts = await self._writer.put(events, gone=gone)
        except Full:
            return full()
        except Away:
            return away()
        if refused is not None:
            return Answer(422 if wait else 202, {"event": event_id, "entities": 0, "error": refused})
        address = f"{later}/routes/{quote(parts[0][0].route)}/events/{quote(event_id, safe='')}"
        look = ((b"location", address.encode()),) if wait else ()
        if not waits:
            new = any(put.new for put in puts)
            return Answer(202 if new else 200, {"event": event_id, "entities": entities}, look if new else ())
        try:
            told = await self._when_decided(event_id, parts, puts, wait)
        except (OutageError, SetupError):  # it is taken, and nobody can say more
            return Answer(202, {"event": event_id, "entities": entities}, look)
        return Answer(told.status, told.content, look if told.status == 202 else ())

    async def _when_decided(
        self, event_id: str, parts: Sequence[Part], puts: list[Put], wait: float
    ) -> OutcomeResponse:
        if known := [put.number for put in puts if not put.new]:
            await asyncio.to_thread(lambda: ask_for(self._ledger(), known))
        waits = [
            Wait(put.number, books=any(stage.kind == "split" for stage in route.transform))
            for put, (route, _) in zip(puts, parts, strict=True)
        ]
        fates = await self._waiting.fates(waits, wait)
        brought = [records.count if put.new else None for put, (_, records) in zip(puts, parts, strict=True)]
        return tell(event_id, list(zip(fates, brought, strict=True)))
