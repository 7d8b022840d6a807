"""``listen: {postgres_changes: …}``: what happens to PostgreSQL's tables, through a logical replication slot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.listen import Message
from airflow_integrations.listen.backlog import Backlog
from airflow_integrations.listen.context import ListenContext, SourceSurroundings
from airflow_integrations.listen.sql.change_messages import Changes, Part
from airflow_integrations.listen.sql.changes_options import ChangesOptions
from airflow_integrations.listen.sql.slot import Slot, held_slots
from airflow_integrations.sql.session import Session

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Services

__all__ = ["ChangesListener"]

IDLE_BYTES, IDLE_SECONDS = 1024 * 1024, 30.0
"""A slot without changes moves on after so much log of other tables, or so long: else PostgreSQL would keep it."""


class ChangesListener:
    """Looks what the slot holds, and moves it on behind the transactions that the inbox has as a whole. What is read
    again after a crash has the same ids."""

    Config = ChangesOptions

    def __init__(self, config: ChangesOptions, route: str) -> None:
        self._config = config
        self._session: Session | None = None
        self._slot: Slot | None = None
        self._safe: int | None = None
        """Where the slot may stand once the batch under way is settled."""
        self._stands = 0

    @classmethod
    async def check_online(cls, config: ChangesOptions, route: Route, services: Services) -> list[tuple[Any, str]]:
        """What the database says against the configuration: it raises SetupError and OutageError."""
        session = await services.session(config.connection)
        await session.ask(_open, config, session)
        return []

    @classmethod
    async def backlog(cls, config: ChangesOptions, around: SourceSurroundings) -> Backlog:
        """How much of PostgreSQL's log the slot has not been read of."""
        async with Session(await asyncio.to_thread(around.database, config.connection)) as session:
            held = {each.name: each for each in await session.ask(lambda: held_slots(session.connection))}
        if config.slot not in held:
            raise SetupError(f"there is no logical replication slot {config.slot}")
        return Backlog(size=held[config.slot].behind)

    async def batches(
        self, around: ListenContext, *, clock: Callable[[], float] = time.monotonic
    ) -> AsyncGenerator[Sequence[Message], None]:
        config, moved = self._config, clock()
        database = await asyncio.to_thread(around.database, config.connection)
        if database.dialect != "postgresql":
            raise SetupError(f"Connection {database.name!r} is not one of PostgreSQL, which alone tells changes")
        async with Session(database) as session:
            self._session, self._slot, self._safe, self._stands, seen = session, None, None, 0, 0
            try:
                self._slot = slot = await session.ask(_open, config, session)
                while True:
                    written, taken = await session.ask(slot.place)
                    if written == seen or written <= taken:
                        yield ()
                        await asyncio.sleep(config.every.total_seconds())
                        continue
                    parts = self._parts(session, slot, written)
                    read = 0
                    while (part := await session.ask(next, parts, None)) is not None:
                        self._safe, read = part.whole, part.read
                        if part.messages:
                            yield part.messages
                        else:
                            await self._move(session)
                    await session.ask(_end, session)
                    if read < config.prefetch:
                        seen = written
                        if not read and (written - taken >= IDLE_BYTES or clock() - moved >= IDLE_SECONDS):
                            self._safe = written
                            await self._move(session)
                            moved = clock()
                        yield ()
                        await asyncio.sleep(config.every.total_seconds())
            finally:
                self._session = self._slot = None

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        if self._session is None:
            raise OutageError("the connection to PostgreSQL was closed")
        await self._move(self._session)

    def _parts(self, session: Session, slot: Slot, until: int) -> Iterator[Part]:
        raw = session.connection.connection.dbapi_connection
        changes = Changes(self._config, session.database, slot, raw)
        return changes.parts(slot.peek(until, self._config.prefetch))

    async def _move(self, session: Session) -> None:
        if self._safe is not None and self._slot is not None and self._safe > self._stands:
            await session.ask(self._slot.advance, self._safe)
            self._stands = self._safe


def _open(config: ChangesOptions, session: Session) -> Slot:
    slot = Slot(config, session.connection)
    slot.check()
    return slot


def _end(session: Session) -> None:
    session.connection.commit()
