"""``listen: {files: …}``: files that arrive in a folder or a bucket, each read once, in pieces."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId, Duration
from airflow_integrations.errors import OutageError
from airflow_integrations.files.pgp.keyring import Keyring, keyring_of
from airflow_integrations.files.pgp.options import PGP_ENDINGS, PgpRead
from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.formats.records_format import RecordsFormat
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.file_pieces import BAD, END, REFUSED, pieces
from airflow_integrations.listen.options import ListenOptions, Pause

if TYPE_CHECKING:
    from typing import Self

__all__ = ["FilesListener"]

log = logging.getLogger("airflow_integrations")


class Move(Model):
    """Into another folder, once all of it is in the inbox."""

    move: Annotated[str, Field(min_length=1, max_length=1000)]
    """The folder, absolute or relative to the file's own, in the same file system.

    Example: ``move: done``
    """


class FilesListener:
    """Looks into a folder again and again. The pieces of a file have ids made of its name, size and time, so that one
    that is read again after a crash repeats nothing."""

    class Config(RecordsFormat, ListenOptions):
        """Files of a folder or a bucket.

        Example:
            path: s3://exports/orders/*.csv
            connection: object_storage
            then: {move: done}
        """

        path: Annotated[str, Field(min_length=1, max_length=1000)]
        """The files: a path with wildcards (``*``, ``?``, ``[…]``, ``**``), or an fsspec URL such as
        ``s3://bucket/in/*.csv`` or ``sftp://host/in/*.xml``.

        Example: ``path: /data/in/*.csv``
        """
        connection: ConnectionId | None = None
        """For a URL: a Connection whose extra is fsspec's storage options. Login and password are the key and secret of
        object storage, or a user of a server. Left out: the machine's own rights.

        Example: ``connection: object_storage``
        """
        pgp: PgpRead | None = None
        """Each file is encrypted with OpenPGP: it is decrypted, and its signature checked, before any of it is read. An
        ending ``.pgp``, ``.gpg`` or ``.asc`` does not count for the format.

        Example: ``pgp: {connection: bank_pgp}``
        Since: 0.2
        """
        every: Pause = Field(default="10s", validate_default=True)
        """How often the listener looks for new files.

        Example: ``every: 1m``
        """
        stable: Duration = Field(default="5s", validate_default=True)
        """A file is read when its size and time have not changed for this long. ``0s`` where files appear as a whole,
        as in object storage or by renaming.

        Example: ``stable: 30s``
        """
        then: Literal["keep", "delete"] | Move = "keep"
        """What to do with a file when all of it is in the inbox: ``keep``, ``delete``, or ``{move: folder}``. A file
        that is kept is not read again unless it changes.

        Example: ``then: {move: done}``
        """

        @model_validator(mode="after")
        def _moved_away(self) -> Self:
            if isinstance(self.then, Move) and "**" in self.path and "/" not in self.then.move:
                raise ValueError("then: the folder lies among those that path looks into; give an absolute one")
            if self.pgp is None and self.path.lower().endswith(PGP_ENDINGS):
                raise ValueError("the ending of path is that of encrypted files; write pgp: {connection: …}")
            return self

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._store: FileStore | None = None
        self._open: dict[str, Found] = {}
        """Files whose last message was handed over, by its handle."""
        self._told: set[str] = set()
        """Marks of files of whose trouble the log has been told."""
        self._done: set[str] = set()
        """Marks of files that need no look: they were read, and what is to become of them has."""
        self._refused: dict[str, str] = {}
        """Marks of encrypted files that were refused, each with the digest of the keys that refused it."""
        self._keys = ""
        """The digest of the keys that are in use."""

    async def batches(
        self, around: ListenContext, *, clock: Callable[[], float] = time.monotonic
    ) -> AsyncGenerator[Sequence[Message], None]:
        config = self._config
        broker = None if config.connection is None else await asyncio.to_thread(around.broker, config.connection)
        self._store = store = await asyncio.to_thread(FileStore, config.path, broker)
        seen: dict[str, float] = {}
        while True:
            found = await asyncio.to_thread(store.list)
            now = clock()
            seen = {file.mark: seen.get(file.mark, now) for file in found}
            self._done &= seen.keys()
            self._told &= seen.keys()
            self._refused = {mark: keys for mark, keys in self._refused.items() if mark in seen}
            stable = [file for file in found if now - seen[file.mark] >= config.stable.total_seconds()]
            unread = await asyncio.to_thread(self._unread, around, stable)
            async with self._keyring(around, unread) as keyring:
                for file in unread:
                    if keyring is not None and self._refused.get(file.mark) == self._keys:
                        continue  # it would be refused again
                    messages = pieces(store, file, config, around.params, keyring, signed=self._signed)
                    try:
                        async with aclosing(_each(messages)) as each:
                            async for message in each:
                                if message.handle:
                                    self._open[message.handle] = file
                                yield (message,)
                    except OutageError as error:
                        self._tell(file, error)  # the others are not held back by it
            yield ()
            await asyncio.sleep(config.every.total_seconds())

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        for message in taken:
            file = self._open.pop(message.handle or "", None)
            if file is None:
                continue
            if message.handle == file.mark + REFUSED:
                self._refused[file.mark] = self._keys
            elif message.handle == file.mark + BAD or await asyncio.to_thread(self._finished, file):
                self._done.add(file.mark)

    @property
    def _signed(self) -> bool:
        return self._config.pgp is not None and self._config.pgp.signed

    @asynccontextmanager
    async def _keyring(self, around: ListenContext, files: Sequence[Found]) -> AsyncIterator[Keyring | None]:
        """The keys of the files, as the Connection has them now; None where there are none, or nothing is to be read.
        Raises SetupError."""
        pgp = self._config.pgp
        if pgp is None or not files:
            yield None
            return
        keyring = await asyncio.to_thread(keyring_of, pgp.connection, around)
        try:
            self._keys = keyring.digest
            yield keyring
        finally:
            await asyncio.to_thread(keyring.close)

    def _unread(self, around: ListenContext, files: Sequence[Found]) -> list[Found]:
        """Those that nobody has read. What is to become of the others is done now, should it have been left undone."""
        files = [file for file in files if file.mark not in self._done]
        known = around.known([file.mark + end for file in files for end in (END, BAD)]) if files else set()
        unread = []
        for file in files:
            if file.mark + BAD in known or (file.mark + END in known and self._finished(file)):
                self._done.add(file.mark)
            elif file.mark + END not in known:
                unread.append(file)
        return unread

    def _finished(self, file: Found) -> bool:
        """Do with a file that was read what is to become of it. Where that cannot be done it is tried again later."""
        store, then = self._store, self._config.then
        try:
            if store is not None and then == "delete":
                store.delete(file)
            elif store is not None and isinstance(then, Move):
                store.move(file, then.move)
        except OutageError as error:
            self._tell(file, error)
            return False
        return True

    def _tell(self, file: Found, error: OutageError) -> None:
        if file.mark not in self._told:
            self._told.add(file.mark)
            log.warning("a file that is tried again with every look: %s", error)


async def _each(messages: Iterator[Message]) -> AsyncGenerator[Message, None]:
    """In a thread, one at a time: reading may take long."""
    nothing = object()
    while True:
        found: Any = await asyncio.to_thread(next, messages, nothing)
        if found is nothing:
            return
        yield found
