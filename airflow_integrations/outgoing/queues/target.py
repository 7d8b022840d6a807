"""What all kinds that publish messages have in common: a message for each entity, and what became of it.

A message that was not confirmed may be there. It is sent again with the same id, unless the route holds such entities
for a person (``delivery.in_doubt: hold``).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from airflow_integrations.blame import Ended, each_alone
from airflow_integrations.config.model import Model
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.ledger.control_numbers import REMEMBERED
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.formatted_body import Numbers
from airflow_integrations.outgoing.http.answers.reasons import reason_text, unwritable
from airflow_integrations.outgoing.queues.messages import Message, MessageWriter
from airflow_integrations.queues.broker import Broker, broker_of
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["ANSWER_SECONDS", "UNSENT", "Link", "QueueOutgoing", "refused"]

ANSWER_SECONDS = 30.0
"""A broker that does not confirm for so long is taken to be away."""
_NO_DELETION = (
    "missing: emit sends deletions and nothing says how; write deletion: {} for a message without a body, or leave "
    "missing at ignore"
)
_TOO_MANY = (
    f"the numbers of the newest {REMEMBERED} interchanges are remembered, so that one that is sent again has its own; "
    f"{{}} messages may be under way (delivery.batch times delivery.concurrency); allow {REMEMBERED // 2} at most"
)
UNSENT = Result("pending", reason="the connection ended before it was sent", cause="outage")
Loc = tuple[int | str, ...]


class Link(ABC):
    """One connection to a broker, open. It is not used any more once it has ``ended``."""

    window = 500
    """The most messages under way."""
    ended: str | None = None
    """Why it ended; None while it is there."""
    silent = False
    """It ended because nothing was heard any more: the broker has not closed it."""

    async def publish(self, messages: Sequence[Message]) -> list[Result | None]:
        """What became of each, in order. None: it was sent, and nothing says whether it arrived.

        They leave in their order. One that is refused does not stop the others. Raises OutageError and SetupError where
        none of them left.
        """
        results: list[Result | None] = []
        while len(results) < len(messages):
            if self.ended is not None:
                results += [UNSENT] * (len(messages) - len(results))
            else:
                results += await self.publish_window(messages[len(results) : len(results) + self.window])
        return results

    @abstractmethod
    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        """The same for some of them; sets ``ended`` where the connection has ended."""

    async def heard(self, futures: Sequence[asyncio.Future[Any]]) -> None:
        """Wait until the broker has confirmed or refused all. What it has not in time is cancelled, and this ends."""
        try:
            await asyncio.wait(futures, timeout=ANSWER_SECONDS)
        finally:
            for future in futures:
                if not future.done():
                    future.cancel()
                    self.silent = self.ended is None
                    self.ended = self.ended or f"no answer within {ANSWER_SECONDS:.0f} s"

    @abstractmethod
    async def close(self) -> None:
        """Give back what it took."""


class QueueOutgoing(ABC):
    """The base of these kinds."""

    Config: ClassVar[type[Model]]
    deletes = True
    verb = "PUBLISH"
    """What a preview calls it."""

    def __init__(self, config: Any, route: Route) -> None:
        self._options = config
        self._route = route
        self._link: Link | None = None
        self._linking = asyncio.Lock()

    @abstractmethod
    async def link(self, broker: Broker) -> Link:
        """A connection of its own. Raises OutageError, SetupError."""

    def check(self, message: Message) -> None:  # noqa: B027 - most publish any
        """Raises EntityError for a message that this kind cannot publish."""

    @classmethod
    def mistakes(cls, config: Any, route: Route) -> Iterator[tuple[Loc, str]]:
        """What is wrong with the configuration in this route: places below the configuration, and messages."""
        if config.deletion is None and route.missing != "ignore":
            yield (), _NO_DELETION
        form, delivery = config.body_format, route.delivery
        if form is not None and form.partner is not None and delivery.batch * delivery.concurrency > REMEMBERED // 2:
            yield ("body_format",), _TOO_MANY.format(delivery.batch * delivery.concurrency)

    @classmethod
    async def check_online(cls, config: Any, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """Whether we get in, and what is named is there: it raises SetupError and OutageError."""
        link = await cls(config, route)._linked_by(services)
        await link.close()
        return []

    @property
    def repeatable(self) -> bool:
        """A consumer knows a message that comes twice by its id. Who has none that look at it holds."""
        return self._route.delivery.in_doubt != "hold"

    async def open(self, run: Run, services: Services) -> None:
        self._services = services
        base = services.base_names(run)
        form = self._options.body_format
        self._counted = form is not None and form.partner is not None
        numbers = Numbers(form, self._route.route, services) if self._counted else None
        self._writer = MessageWriter(self._options, base, self._route.entity.name, self.check, numbers)
        if services.rehearsal is None:
            await self._linked()

    async def _linked_by(self, services: Services) -> Link:
        broker = await asyncio.to_thread(broker_of, self._options.connection, services.connections)
        return await self.link(broker)

    async def _linked(self) -> Link:
        async with self._linking:
            if self._link is not None and self._link.ended is not None:
                await self.close()
            if self._link is None:
                self._link = await self._linked_by(self._services)
            return self._link

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        written = await asyncio.to_thread(self._all_written, batch) if self._counted else self._all_written(batch)
        messages = [each for each in written if isinstance(each, Message)]
        results = iter(await self._published(messages) if messages else [])
        return [next(results) if isinstance(each, Message) else each for each in written]

    def _all_written(self, batch: Sequence[Outbound]) -> list[Message | Result]:
        return [self._written(outbound) for outbound in batch]

    def _written(self, outbound: Outbound) -> Message | Result:
        try:
            return self._writer.write(outbound)
        except EntityError as error:
            return unwritable(error)

    async def _published(self, messages: list[Message]) -> list[Result]:
        if self._services.rehearsal is not None:
            for each in messages:
                self._services.rehearsal(self._options.connection, self.verb, each.to, each.body or b"")
            return [Result("delivered", each.id) for each in messages]
        link = await self._linked()
        told = await link.publish(messages)
        why = f"{self._options.connection}: it was sent, and not confirmed: {link.ended or 'no answer in time'}"
        if None in told and link.ended and not link.silent and self.repeatable:
            told = await self._each_alone(messages, told)
        unheard = self._unheard(reason_text(why))
        return [unheard if result is None else result for result in told]

    async def _each_alone(self, messages: list[Message], told: list[Result | None]) -> list[Result | None]:
        """What became of them, where the broker closed the connection while some were under way. These are sent once
        more, each alone, and those behind them as well."""
        left = [place for place, result in enumerate(told) if result is None or result is UNSENT]

        async def send(place: int) -> Result | Ended:
            try:
                link = await self._linked()
                (told[place],) = await link.publish([messages[place]])
            except (OutageError, SetupError) as error:
                return Ended(str(error), heard=False)
            return told[place] or Ended(link.ended or "", heard=not link.silent)

        for place, result in zip(left, await each_alone(left, send, self._is_there), strict=False):
            if isinstance(result, Ended):
                told[place] = refused(f"the broker closes the connection when it gets this: {result.why}", later=True)
        return told

    async def _is_there(self) -> bool:
        try:
            await self._linked()
        except (OutageError, SetupError):
            return False
        return True

    def _unheard(self, why: str) -> Result:
        if self.repeatable:
            return Result("pending", reason=why, cause="outage")
        return Result("in_doubt", reason=why, cause="unknown")

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                async with asyncio.timeout(5):
                    await link.close()
            except (OutageError, TimeoutError):
                pass


def refused(why: str, *, later: bool = False, cause: str | None = None) -> Result:
    """The result of a message that the broker refuses: for good, or for now."""
    return Result("failed", reason=reason_text(why), cause=cause or ("later" if later else "refused"), later=later)
