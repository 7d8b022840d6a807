"""``listen: {sql_outbox: …}``: rows of an outbox table, taken in order and marked once they are in the inbox."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import encode
from airflow_integrations.listen import Message
from airflow_integrations.listen.backlog import Backlog
from airflow_integrations.listen.context import ListenContext, SourceSurroundings
from airflow_integrations.listen.sql.outbox_options import OutboxOptions
from airflow_integrations.listen.sql.outbox_table import OutboxTable
from airflow_integrations.sql.reading import Reader
from airflow_integrations.sql.session import Session
from airflow_integrations.sql.statement import parameter_mistakes
from airflow_integrations.sql.tables import declared

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Services

__all__ = ["OutboxListener"]

MOST_COUNTED = 100_000
Loc = tuple[int | str, ...]


class OutboxListener:
    """Rows are locked while they are on their way into the inbox, where the database can skip what is locked. After a
    crash they come again, and the inbox knows them by table and id."""

    Config = OutboxOptions

    def __init__(self, config: OutboxOptions, route: str) -> None:
        self._config = config
        self._session: Session | None = None
        self._rows: OutboxTable | None = None
        self._reader: Reader | None = None
        self._last: set[str | None] = set()
        """Ids of the messages that were marked last."""

    @classmethod
    def mistakes(cls, config: OutboxOptions, route: Route) -> Iterator[tuple[Loc, str]]:
        for text in parameter_mistakes(config.where, route.params) if config.where is not None else ():
            yield ("where",), text

    @classmethod
    async def check_online(cls, config: OutboxOptions, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """What the database says against the configuration: it raises SetupError and OutageError."""
        session = await services.session(config.connection)
        await session.ask(_count, config, session, route.params)
        return []

    @classmethod
    async def backlog(cls, config: OutboxOptions, around: SourceSurroundings) -> Backlog:
        """Rows that wait, counted up to MOST_COUNTED."""
        async with Session(await asyncio.to_thread(around.database, config.connection)) as session:
            rows = await session.ask(_count, config, session, around.params)
        return Backlog(rows=rows, more=rows == MOST_COUNTED)

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        config = self._config
        database = await asyncio.to_thread(around.database, config.connection)
        if config.notify is not None and database.dialect != "postgresql":
            raise SetupError(f"Connection {database.name!r}: notify is PostgreSQL's; leave it out, every does without")
        async with Session(database) as session:
            self._session, self._reader, self._last = session, None, set()
            try:
                await session.ask(self._open, session, around.params)
                while True:
                    if batch := await session.ask(self._take, session):
                        self._not_again(batch)
                        yield batch
                    else:
                        yield ()
                        await self._pause(session)
            finally:
                self._session = None

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        session = self._session
        if session is None:
            raise OutageError("the connection to the database was closed")
        if taken:
            await session.ask(self._mark, session, [message.handle for message in taken])
            self._last = {message.id for message in taken}

    def _open(self, session: Session, params: Mapping[str, Any]) -> None:
        self._rows = OutboxTable(self._config, session.database, session.connection, params)
        self._rows.prepare(session.connection)

    def _take(self, session: Session) -> list[Message]:
        assert self._rows is not None
        connection = session.connection
        result = connection.execute(self._rows.waiting())
        cursor: Any = result.cursor
        description: list[Any] = list(cursor.description)[:-1]
        rows = [tuple(row) for row in result]
        if not rows or session.database.dialect == "sqlite":
            connection.rollback()  # SQLite has no locks on rows, and readers stop who writes
        if rows and self._reader is None:
            known, dialect = self._rows.table, session.database.dialect
            self._reader = Reader(
                session.database,
                description,
                json=declared(dialect, known, "JSON") - {self._config.payload},
                booleans=declared(dialect, known, "BOOLEAN"),
            )
        return [self._message(row) for row in rows]

    def _mark(self, session: Session, ids: Sequence[Any]) -> None:
        assert self._rows is not None
        session.connection.execute(self._rows.marked(ids))
        session.connection.commit()

    def _message(self, row: tuple[Any, ...]) -> Message:
        assert self._rows is not None
        assert self._reader is not None
        config, table = self._config, self._rows
        raw, size = dict(zip(self._reader.names, row, strict=False)), row[-1]
        handle = raw[table.id]
        made = self._reader.record(row[:-1])
        fields: dict[str, Any] = {} if isinstance(made, BadRecord) else made
        fields.pop(config.mark or "", None)
        shown = fields.get(table.id, handle)
        name = f"{table.table.name}/{shown}~{_digest(raw, config.mark)}"
        said: dict[str, Any] = {"id": name, "subject": table.table.name, "handle": handle}
        if size > config.max_size:
            return Message(body=b"", fault=f"it has {size:,} bytes; max_size is {config.max_size:,}", **said)
        if isinstance(made, BadRecord):
            return Message(body=made.content.encode("utf-8", "backslashreplace"), fault=made.reason, **said)
        if config.payload is None:
            try:
                body = encode(fields)
            except UnicodeEncodeError:
                kept = str(fields).encode("utf-8", "backslashreplace")
                return Message(body=kept, fault="a text in it is not UTF-8", **said)
            return Message(body=body, content_type="application/json", **said)
        headers = {each.lower(): _text(value) for each, value in fields.items() if each != config.payload}
        payload = _bytes(raw[config.payload])
        if payload is None:
            return Message(body=b"", headers=headers, fault=f"{config.payload} is NULL", **said)
        return Message(body=payload, headers=headers, content_type=headers.get("content_type"), **said)

    def _not_again(self, batch: Sequence[Message]) -> None:
        """What was marked has to be gone: else it would be taken for ever, and what is behind it never."""
        back = next((message.id for message in batch if message.id in self._last), None)
        if back is not None:
            raise SetupError(
                f"{back} was marked as taken, and waits again: does a trigger or a rule of "
                f"{self._config.table} undo it?"
            )

    async def _pause(self, session: Session) -> None:
        """Until it is time to look again, or somebody has notified us."""
        seconds = self._config.every.total_seconds()
        if self._config.notify is None:
            await asyncio.sleep(seconds)
        elif not await session.ask(_notified, session):
            number = await session.ask(_socket, session)
            await _readable(number, seconds)
            await session.ask(_notified, session)


def _count(config: OutboxOptions, session: Session, params: Mapping[str, Any]) -> int:
    connection = session.connection
    query = OutboxTable(config, session.database, connection, params).counted(MOST_COUNTED)
    return int(connection.execute(query).scalar_one())


def _notified(session: Session) -> bool:
    """Take what has come on the channel."""
    raw: Any = session.connection.connection.dbapi_connection
    return bool(list(raw.notifies(timeout=0)))


def _socket(session: Session) -> int:
    raw: Any = session.connection.connection.dbapi_connection
    return int(raw.fileno())


async def _readable(number: int, seconds: float) -> None:
    """Until a socket has something to read, for so long at most."""
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(number, heard.set)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await heard.wait()
    finally:
        loop.remove_reader(number)


def _digest(raw: Mapping[str, Any], mark: str | None) -> str:
    """Of a row's content: where ids begin anew, after TRUNCATE or a restore, a row is not taken for an old one."""
    shown = {name: bytes(value) if isinstance(value, memoryview) else value for name, value in raw.items()}
    content = repr(sorted((name, str(value)) for name, value in shown.items() if name != mark))
    return hashlib.blake2b(content.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else encode(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode("utf-8", "replace")
