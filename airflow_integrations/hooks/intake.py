"""Events into the inbox, and the answer: at once, or when their entities have their fate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_integrations.hooks.answers import Answer, away, full
from airflow_integrations.hooks.fate_answer import tell
from airflow_integrations.hooks.reading import Records
from airflow_integrations.hooks.waiting import MOST_ENTITIES, Wait, Waiting
from airflow_integrations.hooks.writer import Away, Full, Ring, Writer
from airflow_integrations.ledger.event_fates import ask_for
from airflow_integrations.ledger.event_rows import NewEvent, Put
from airflow_integrations.route import Route

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["Intake"]

Part = tuple[Route, Records]


class Intake:
    """One for each process, for webhooks and API alike: all of their events share the transactions."""

    def __init__(self, ledger: Callable[[], Ledger], ring: Ring) -> None:
        """``ledger`` opens it, or gives the one that is open; raises SetupError and OutageError. It has to be one that
        syncs, see :meth:`Database.open`."""
        self._ledger = ledger
        self._writer = Writer(lambda: ledger().inbox, ring)
        self._waiting = Waiting(lambda: ledger().database)

    def close(self) -> None:
        self._writer.close()

    async def take(self, event_id: str, parts: Sequence[Part], *, source: str, wait: float, later: str) -> Answer:
        """``parts`` are the records for each route. ``wait``: seconds for which the sender waits. ``later``: the
        address of the API, below which it may look."""
        parts = [part for part in parts if part[1].count]
        entities = sum(records.count for _, records in parts)
        if not parts:
            return Answer(202, {"event": event_id, "entities": 0})
        waits = bool(wait) and entities <= MOST_ENTITIES
        events = [
            NewEvent(route=route.route, event_id=event_id, body=records.body, source=source, wanted=waits)
            for route, records in parts
        ]
        try:
            puts = await self._writer.put(events)
        except Full:
            return full()
        except Away:
            return away()
        if not waits:
            status = 202 if any(put.new for put in puts) else 200
            return Answer(status, {"event": event_id, "entities": entities})
        return await self._when_decided(event_id, parts, puts, wait, later)

    async def _when_decided(
        self, event_id: str, parts: Sequence[Part], puts: list[Put], wait: float, later: str
    ) -> Answer:
        if known := [put.number for put in puts if not put.new]:
            await asyncio.to_thread(lambda: ask_for(self._ledger().database, known))
        waits = [
            Wait(put.number, books=any(stage.kind == "split" for stage in route.transform))
            for put, (route, _) in zip(puts, parts, strict=True)
        ]
        fates = await self._waiting.fates(waits, wait)
        told = tell(
            event_id,
            [
                (fate, records.count if put.new else None)
                for fate, put, (_, records) in zip(fates, puts, parts, strict=True)
            ],
        )
        location = f"{later}/routes/{quote(parts[0][0].route)}/events/{quote(event_id, safe='')}"
        return Answer(told.status, told.content, ((b"location", location.encode()),) if told.status == 202 else ())
