"""``outgoing: {email: …}``: a mail for each entity, or one for all of a run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence

from airflow_integrations.config.model import walk
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.email.mail import Mail, MailWriter
from airflow_integrations.outgoing.email.options import EmailOptions
from airflow_integrations.outgoing.email.smtp import NOTHING_TAKEN, SmtpLink
from airflow_integrations.outgoing.http.answers.reasons import unwritable
from airflow_integrations.outgoing.http.steps.check import lookup_names
from airflow_integrations.queues.broker import broker_of
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["EmailOutgoing"]

Loc = tuple[int | str, ...]


class EmailOutgoing:
    """See :class:`EmailOptions`."""

    Config = EmailOptions

    def __init__(self, config: EmailOptions, route: Route) -> None:
        self._options = config
        self._route = route
        self._idle: list[SmtpLink] = []
        self._held: list[Outbound] = []
        self.gathers = config.per == "run"

    @classmethod
    def mistakes(cls, config: EmailOptions, route: Route) -> Iterator[tuple[Loc, str]]:
        """What is wrong with the configuration in this route: places below the configuration, and messages."""
        for name in ("to", "cc", "bcc"):
            given = getattr(config, name)
            for each in given if isinstance(given, (list, tuple)) else [given]:
                if re.fullmatch(r"[^{}]*@[^{}]*[,;][^{}]*@[^{}]*", each.text):
                    parts = ", ".join(part.strip() for part in re.split("[,;]", each.text) if part.strip())
                    yield (name,), f"several addresses are a list; write [{parts}]"
        if config.per == "run" and route.trigger is not None and route.trigger.latency == "low":
            yield ("per",), "the mail is sent when a run is complete, and latency: low has none; leave it at run"
        if config.per == "run":
            of_one = {route.entity.name, "source", "target_id", "delivered", *lookup_names(route)}
            for place, leaf in walk(config):
                for name in sorted(getattr(leaf, "names", frozenset()) & of_one):
                    yield place, f"{name} is one entity's, and one mail has all of a run (per: run): read entities"

    @classmethod
    async def check_online(cls, config: EmailOptions, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """Whether the server lets us in: it raises SetupError and OutageError."""
        made = cls(config, route)
        made._services = services
        link = await made._link()
        await asyncio.to_thread(link.quit)
        return []

    @property
    def repeatable(self) -> bool:
        """A mail that is sent twice is read twice. Who prefers that to a person's look writes ``resend``."""
        return self._route.delivery.in_doubt == "resend"

    @property
    def full(self) -> bool:
        return len(self._held) >= self._options.most

    async def open(self, run: Run, services: Services) -> None:
        self._services = services
        base = services.base_names(run)
        self._writer = MailWriter(self._options, base, self._route.entity.name, services.now)
        if services.rehearsal is None:
            self._idle.append(await self._link())

    async def _link(self) -> SmtpLink:
        connection = self._options.connection
        broker = await asyncio.to_thread(broker_of, connection, self._services.connections)
        link = SmtpLink(broker, skip_refused=self._options.refused_recipients == "skip")
        await asyncio.to_thread(link.open)
        return link

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        if self.gathers:
            results = await self.take(batch)
            published = iter(await self.publish() if None in results else [])
            return [next(published) if result is None else result for result in results]
        return await self._all_sent([self._written([outbound]) for outbound in batch])

    async def _all_sent(self, written: Sequence[Mail | Result]) -> list[Result]:
        """One result for each. What an outage leaves unsent is *pending*: others may have gone out before."""
        results: list[Result] = []
        for each in written:
            if isinstance(each, Result):
                results.append(each)
                continue
            try:
                results.append(await self._sent(each))
            except (OutageError, SetupError) as error:
                cause = "setup" if isinstance(error, SetupError) else "outage"
                left = Result("pending", reason=str(error), http_status=NOTHING_TAKEN, cause=cause)
                rest = written[len(results) :]
                return [*results, *(left if isinstance(one, Mail) else one for one in rest)]
        return results

    async def take(self, batch: Sequence[Outbound]) -> list[Result | None]:
        """See :class:`Outgoing`. One that cannot be in a mail fails alone."""
        results: list[Result | None] = []
        for outbound in batch:
            alone = self._written([outbound])
            results.append(alone if isinstance(alone, Result) else None)
            if not isinstance(alone, Result):
                self._held.append(outbound)
        return results

    async def publish(self) -> list[Result]:
        """See :class:`Outgoing`."""
        held, self._held = self._held, []
        if not held:
            return []
        parts = list(self._parts(held))
        results = await self._all_sent([written for _, written in parts])
        return [result for (count, _), result in zip(parts, results, strict=True) for _ in range(count)]

    def _parts(self, held: Sequence[Outbound]) -> Iterator[tuple[int, Mail | Result]]:
        """One mail, or several where one cannot be written: how many entities each is of."""
        written = self._written(held)
        if isinstance(written, Mail) or len(held) == 1:
            yield len(held), written
            return
        middle = len(held) // 2
        yield from self._parts(held[:middle])
        yield from self._parts(held[middle:])

    async def forget(self) -> None:
        """See :class:`Outgoing`."""

    def _written(self, part: Sequence[Outbound]) -> Mail | Result:
        try:
            return self._writer.write(part)
        except EntityError as error:
            return unwritable(error)

    async def _sent(self, mail: Mail) -> Result:
        if self._services.rehearsal is not None:
            self._services.rehearsal(self._options.connection, "MAIL", ", ".join(mail.recipients), mail.content)
            return Result("delivered", mail.id)
        link = self._idle.pop() if self._idle else await self._link()
        try:
            result = await asyncio.to_thread(link.send, mail)
        except OutageError:  # it is made anew with the next mail
            self._idle.append(link)
            raise
        self._idle.append(link)
        return result

    async def close(self) -> None:
        links, self._idle = self._idle, []
        for link in links:
            await asyncio.to_thread(link.quit)
