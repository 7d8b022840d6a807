"""``listen: {imap: …}``: mails of a folder of an IMAP server."""

from __future__ import annotations

import asyncio
import imaplib
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.tls import is_refused, tls_context
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.mails import messages_of
from airflow_integrations.listen.options import Pause, Prefetch, QueueOptions
from airflow_integrations.queues.broker import Broker, broker_of

if TYPE_CHECKING:
    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Services

__all__ = ["ImapListener"]

SECONDS = 30
_Folder = Annotated[str, Field(pattern=r"^[ !#-\[\]-~]+$", max_length=200)]
_SIZE = re.compile(rb"UID (\d+).*RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+).*UID (\d+)")
T = TypeVar("T")


class MoveMail(Model):
    """Into another folder, once all of it is in the inbox."""

    move: _Folder
    """The folder. It must exist.

    Example: ``move: Done``
    """


class ImapListener:
    """Looks into a folder again and again. A mail has an id made of the folder's validity and its number there, so that
    one that is read again after a crash counts once."""

    class Config(QueueOptions):
        """Mails of a folder.

        Example:
            connection: mailbox
            attachments: "orders*.csv"
            then: {move: Done}
        """

        connection: ConnectionId
        """A Connection of type imap: host, port, login, password. Port 993, or ``{"tls": "implicit"}`` in the
        extra, is TLS from the beginning; any other has to offer STARTTLS, unless the extra says ``{"tls": false}``.

        Example: ``connection: mailbox``
        """
        folder: _Folder = "INBOX"
        """The folder. A name with other letters than ASCII's is written as IMAP does, in modified UTF-7.

        Example: ``folder: Orders``
        """
        attachments: Annotated[str, Field(min_length=1, max_length=200)] | None = None
        """Each attachment whose name fits is a message, ``body`` is its content, and ``headers`` those of the mail and
        ``attachment-name``; a mail without one cannot be used. Left out: the mail itself is ``body``, with ``subject``,
        ``from``, ``to``, ``cc``, ``date``, ``message_id``, ``text``, ``html`` and ``attachments`` (names and sizes).

        Example: ``attachments: "*.csv"``
        """
        search: Annotated[str, Field(pattern=r"^[ -~]+$", max_length=500)] | None = None
        """Only mails that this finds besides, in IMAP's words (RFC 9051, section 6.4.4).

        Example: ``search: FROM "orders@example.com"``
        """
        then: Literal["seen", "delete"] | MoveMail = "seen"
        """What becomes of a mail when all of it is in the inbox: it is marked as ``seen``, deleted, or moved. With
        ``seen`` only mails that nobody has opened are taken.

        Example: ``then: {move: Done}``
        """
        every: Pause = Field(default="30s", validate_default=True)
        """How often the listener looks for new mails.

        Example: ``every: 2m``
        """
        max_size: Annotated[int, Field(strict=True, ge=1000, le=16 * 1024 * 1024)] = 16 * 1024 * 1024
        """The largest mail, in bytes as it was sent. A larger one is not fetched and cannot be used.

        Example: ``max_size: 1048576``
        """
        prefetch: Prefetch = 20
        """The most mails under way.

        Example: ``prefetch: 5``
        """
        dead_letters: Literal[False] = False
        """IMAP has no dead letters: the next run rejects a mail that cannot be used.

        Example: ``dead_letters: false``
        """

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if self.attachments is not None and self.event_id is not None:
                raise ValueError("with attachments each has an id of its own; take event_id out")
            if isinstance(self.then, MoveMail) and self.then.move == self.folder:
                raise ValueError("then moves mails into the folder that they are taken from; name another one")
            return self

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._imap: imaplib.IMAP4 | None = None
        self._validity = ""

    @classmethod
    async def check_online(cls, config: Config, route: Route, services: Services) -> list[tuple[Any, str]]:
        """Whether the server lets us in and has the folders: it raises SetupError and OutageError."""
        made = cls(config, route.route)
        broker = await asyncio.to_thread(broker_of, config.connection, services.connections)
        try:
            await asyncio.to_thread(made._open, broker)
        finally:
            await made._leave()
        return []

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        config = self._config
        broker = await asyncio.to_thread(around.broker, config.connection)
        try:
            await asyncio.to_thread(self._open, broker)
            while True:
                found = await self._asked(self._search)
                for first in range(0, len(found), config.prefetch):
                    for part in await self._asked(self._sized, found[first : first + config.prefetch]):
                        yield await self._asked(self._mails, part)
                yield ()
                await asyncio.sleep(config.every.total_seconds())
        finally:
            await self._leave()

    async def _leave(self) -> None:
        imap, self._imap = self._imap, None
        if imap is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                await asyncio.to_thread(imap.shutdown)

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        numbers = list(dict.fromkeys(message.handle for message in taken if message.handle))
        if numbers:
            await self._asked(self._finish, ",".join(numbers))

    async def _asked(self, what: Callable[..., T], *arguments: Any) -> T:
        def ask() -> T:
            with _understood(self._config.connection):
                return what(*arguments)

        return await asyncio.to_thread(ask)

    def _open(self, broker: Broker) -> None:
        broker.only("imap")
        config = self._config
        encrypted = broker.extra.get("tls") is not False
        host, port = broker.address(993)
        context = tls_context(broker.name, broker.extra) if encrypted else None
        implicit = port == 993 or broker.extra.get("tls") == "implicit"
        with _understood(broker.name):
            imap: imaplib.IMAP4
            if encrypted and implicit:
                imap = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=SECONDS)
            else:
                imap = imaplib.IMAP4(host, port, timeout=SECONDS)
            self._imap = imap
            if encrypted and not implicit:
                if "STARTTLS" not in imap.capabilities:
                    raise SetupError(
                        f'{broker.name}: the mail server offers no STARTTLS; one without needs {{"tls": false}} in '
                        "extra"
                    )
                imap.starttls(context)
            try:
                imap.login(broker.login or "", broker.password or "")
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                raise SetupError(f"{broker.name}: the mail server refuses the login: {error}") from None
            if isinstance(config.then, MoveMail):
                self._select(config.then.move, readonly=True)
            self._select(config.folder)
            _, told = imap.response("UIDVALIDITY")
            self._validity = told[0].decode() if told and isinstance(told[0], bytes) else "0"

    def _select(self, folder: str, *, readonly: bool = False) -> None:
        assert self._imap is not None
        kind, told = self._imap.select(f'"{folder}"', readonly)
        if kind != "OK":
            why = told[0].decode("utf-8", "replace") if told and isinstance(told[0], bytes) else kind
            raise SetupError(f"{self._config.connection}: the folder {folder!r} cannot be opened: {why}")

    def _search(self) -> list[str]:
        """The numbers of mails to take, the oldest first."""
        words = ["UNDELETED", *(["UNSEEN"] if self._config.then == "seen" else [])]
        if self._config.search:
            words.append(self._config.search)
        found = self._command("SEARCH", *words)
        return sorted((each.decode() for line in found if line for each in line.split()), key=int)

    def _sized(self, numbers: Sequence[str]) -> list[list[tuple[str, int]]]:
        """Their numbers and sizes, in parts that are held at once. One that somebody took away has none."""
        sizes: dict[str, int] = {}
        for line in self._command("FETCH", ",".join(numbers), "(UID RFC822.SIZE)"):
            if isinstance(line, bytes) and (match := _SIZE.search(line)):
                uid, size, other_size, other_uid = match.groups()
                sizes[(uid or other_uid).decode()] = int(size or other_size)
        parts: list[list[tuple[str, int]]] = []
        held = 0
        for number in numbers:
            if number not in sizes:
                continue
            size = min(sizes[number], self._config.max_size)
            if not parts or held + size > self._config.max_size:
                parts.append([])
                held = 0
            parts[-1].append((number, sizes[number]))
            held += size
        return parts

    def _mails(self, part: Sequence[tuple[str, int]]) -> list[Message]:
        messages: list[Message] = []
        config = self._config
        for number, size in part:
            mark = f"{config.folder}/{self._validity}/{number}"
            if size > config.max_size:
                why = f"the mail has {size:,} bytes; max_size is {config.max_size:,}"
                messages.append(Message(mark, b"", config.folder, fault=why, handle=number))
                continue
            content = self._content(number)
            if content is None:  # somebody has just taken it away
                continue
            found = messages_of(content, mark, config.folder, config.attachments)
            found[-1].handle = number
            messages += found
        return messages

    def _content(self, number: str) -> bytes | None:
        """All of a mail; it stays as unseen as it is."""
        for each in self._command("FETCH", number, "(UID BODY.PEEK[])"):
            if isinstance(each, tuple):
                return bytes(each[1])
        return None

    def _finish(self, numbers: str) -> None:
        then = self._config.then
        if then == "seen":
            self._command("STORE", numbers, "+FLAGS.SILENT", r"(\Seen)")
            return
        assert self._imap is not None
        able = self._imap.capabilities
        if isinstance(then, MoveMail):
            if "MOVE" in able:
                self._command("MOVE", numbers, f'"{then.move}"')
                return
            self._command("COPY", numbers, f'"{then.move}"')
        self._command("STORE", numbers, "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in able:  # without it, what others have marked would be deleted, too
            self._command("EXPUNGE", numbers)

    def _command(self, name: str, *arguments: str) -> list[Any]:
        if self._imap is None:
            raise OutageError("the connection to the mail server was closed")
        kind, told = self._imap.uid(name, *arguments)
        if kind != "OK":
            raise OutageError(f"{self._config.connection}: the mail server refuses {name}: {told!r:.300}")
        return [each for each in told if each is not None]


@contextmanager
def _understood(name: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        if is_refused(error):
            raise SetupError(f"{name}: TLS: {error}") from None
        raise OutageError(f"{name}: the mail server ended the connection: {error}") from None
    except imaplib.IMAP4.abort as error:
        raise OutageError(f"{name}: the connection to the mail server was closed: {error}") from None
    except imaplib.IMAP4.error as error:
        raise OutageError(f"{name}: the mail server refuses: {error}") from None
    except OSError as error:
        raise OutageError(f"{name}: the mail server cannot be reached: {why_unreachable(error)}") from None
