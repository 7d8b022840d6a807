"""``outgoing: {http: …}``: entities go to an HTTP API, one in a request or many."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_integrations.errors import AnswerError, EntityError, IntegrationError, UnknownOutcome
from airflow_integrations.http.refusal import UnreadableError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.bisecting import in_parts
from airflow_integrations.outgoing.http_mistakes import mistakes
from airflow_integrations.outgoing.http_options import HttpOptions
from airflow_integrations.outgoing.wording import reason_text, unwritable
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.http import Request
    from airflow_integrations.outgoing.deleting import Deleting
    from airflow_integrations.outgoing.judgement import Judgement
    from airflow_integrations.outgoing.overheard import Overheard
    from airflow_integrations.outgoing.request_body import Body
    from airflow_integrations.outgoing.request_names import RequestNames
    from airflow_integrations.outgoing.request_writer import RequestWriter
    from airflow_integrations.outgoing.upsert import Upserting
    from airflow_integrations.outgoing.verifying import Verifying

__all__ = ["HttpOutgoing"]

_NO_DELETE = "the source no longer has it, and outgoing.http has no delete to tell the target"
_NO_VERIFY = "outgoing.http has no verify to ask the target whether it has arrived"


class HttpOutgoing:
    """Delivers over HTTP.

    With ``delivery.batch`` 1 a request carries one entity; above 1 it carries a list, even where only one is left.
    Deletions go by themselves, one in a request.
    """

    deletes = True

    Config = HttpOptions

    _client: Overheard
    _log: logging.Logger
    _names: RequestNames
    _judgement: Judgement
    _writer: RequestWriter
    _body: Body
    _upserting: Upserting | None = None
    _deleting: Deleting | None = None
    _verifying: Verifying | None = None

    def __init__(self, config: HttpOptions, route: Route) -> None:
        self._options = config
        self._route = route
        self._together = route.delivery.batch > 1

    @classmethod
    def mistakes(cls, config: HttpOptions, route: Route) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """What is wrong with the configuration in this route: places below the configuration, and messages."""
        return mistakes(config, route)

    @property
    def repeatable(self) -> bool:
        options = self._options
        harmless = options.upsert is not None or options.method in ("PUT", "DELETE")
        return harmless or options.idempotent or options.retry_unsafe

    async def open(self, run: Run, services: Services) -> None:
        from airflow_integrations.outgoing.deleting import Deleting
        from airflow_integrations.outgoing.judgement import Judgement
        from airflow_integrations.outgoing.overheard import Overheard
        from airflow_integrations.outgoing.request_names import RequestNames, names_read
        from airflow_integrations.outgoing.request_parts import body_of, writer_of
        from airflow_integrations.outgoing.upsert import Upserting
        from airflow_integrations.outgoing.verifying import Verifying

        options, entity, base = self._options, self._route.entity.name, services.base_names(run)
        self._log = services.log
        self._client = client = Overheard(await services.client(options.connection), now=services.now)
        self._judgement = Judgement(options, base, now=services.now)
        if options.delete is not None:
            self._deleting = Deleting(options, base, entity, client, now=services.now)
        if options.verify is not None:
            self._verifying = Verifying(options, base, entity, client)
        if options.upsert is not None:
            self._upserting = Upserting(
                options, base, entity, client, self._judgement, sleep=services.sleep, rng=services.rng
            )
            return
        parts = (options.path, options.query, options.headers, options.body, options.body_text)
        self._names = RequestNames(base, entity, names_read(*parts), together=self._together)
        self._writer = writer_of(options, options, base, "outgoing.http", repeatable=self.repeatable)
        self._body = body_of(options, options, together=self._together)

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        return await in_parts(batch, self._overheard)

    async def verify(self, outbound: Outbound) -> Result | None:
        """Whether the target has the entity: see :class:`Outgoing`. None at once where sending it again is harmless."""
        if outbound.deleted or self._upserting is not None:
            return None
        if self._verifying is None:
            return None if self.repeatable else Result("in_doubt", reason=_NO_VERIFY, cause="unknown")
        self._client.forget()
        try:
            result = await self._verifying.ask(outbound)
        except IntegrationError as error:
            error.exchange = self._client.exchange()
            raise
        return None if result is None else self._with_exchange([result])[0]

    async def close(self) -> None:
        judgement = getattr(self, "_judgement", None)
        if judgement is None:
            return
        if judgement.surplus:
            self._log.warning(
                "%d results in the target's answers belong to no entity that was sent; check results.match",
                judgement.surplus,
            )
        if judgement.ids_missed:
            self._log.warning("%d delivered entities have no id: id read none in the answer", judgement.ids_missed)

    async def _overheard(self, part: Sequence[Outbound]) -> list[Result] | None:
        """Send entities in one request; what went wrong has with it what was said."""
        self._client.forget()
        try:
            results = await (self._attempt(part) if self._upserting is None else self._upsert(part))
        except IntegrationError as error:
            error.exchange = self._client.exchange()
            raise
        return None if results is None else self._with_exchange(results)

    def _with_exchange(self, results: list[Result]) -> list[Result]:
        if not any(_went_wrong(result) for result in results):
            return results
        exchange = self._client.exchange()
        return [replace(result, exchange=exchange) if _went_wrong(result) else result for result in results]

    async def _upsert(self, part: Sequence[Outbound]) -> list[Result] | None:
        assert self._upserting is not None
        if len(part) > 1:
            return None
        return [await (self._delete(part[0]) if part[0].deleted else self._upserting.deliver(part[0]))]

    async def _delete(self, outbound: Outbound) -> Result:
        if self._deleting is None:  # left by a run of the route when it still had one
            return Result("failed", outbound.target_id, _NO_DELETE, cause="setup")
        return await self._deleting.deliver(outbound)

    async def _attempt(self, part: Sequence[Outbound]) -> list[Result] | None:
        """Send entities in one request, but for those that no request can be written for: they fail by themselves."""
        if part[0].deleted:
            return None if len(part) > 1 else [await self._delete(part[0])]
        try:
            request = self._request(part)
        except EntityError as error:
            return [unwritable(error)] if len(part) == 1 else await self._without_unwritable(part)
        most, body = self._options.max_body_bytes, request.body
        if most is not None and body is not None and len(body) > most:
            if len(part) > 1:
                return None
            why = f"its request has {len(body)} bytes, above max_body_bytes ({most})"
            return [Result("failed", reason=why, cause="too_large")]
        try:
            answer = await self._client.send(request)
        except UnknownOutcome as error:
            return [Result("in_doubt", None, reason_text(error), error.status, "unknown")] * len(part)
        except UnreadableError as error:
            return [Result("in_doubt", reason=reason_text(error), cause="unreadable")] * len(part)
        except AnswerError as error:
            return [Result("failed", reason=reason_text(error), cause="refused")] * len(part)
        return self._judgement.of(answer, part)

    async def _without_unwritable(self, part: Sequence[Outbound]) -> list[Result] | None:
        failed: dict[str, Result] = {}
        for outbound in part:
            try:
                self._request((outbound,))
            except EntityError as error:
                failed[outbound.key] = unwritable(error)
        if not failed:  # none is to blame alone
            return None
        rest = [outbound for outbound in part if outbound.key not in failed]
        sent = await self._attempt(rest) if rest else []
        if sent is None:
            return None
        results = iter(sent)
        return [failed[outbound.key] if outbound.key in failed else next(results) for outbound in part]

    def _request(self, part: Sequence[Outbound]) -> Request:
        names = self._names.of(part)
        body = self._body(part, names)
        key = self._key(part) if self._writer.sends_key else None
        return self._writer.write(names, body, key)

    def _key(self, part: Sequence[Outbound]) -> str:
        if not self._together:
            return part[0].idempotency_key
        # in one go and by SHA-256, which processors compute themselves: a large batch must not wait for its key;
        # neither keys nor JSON hold a NUL
        digest = hashlib.sha256("\0".join([self._route.route, *[outbound.key for outbound in part]]).encode())
        digest.update(b"\0\0" + b"\0".join([outbound.encoded for outbound in part]))
        generations = [outbound.generation for outbound in part]
        if any(generations):
            digest.update(b"\0\0" + repr(generations).encode())
        return digest.hexdigest()[:32]


def _went_wrong(result: Result) -> bool:
    """In a request, which others never made."""
    return result.status in ("failed", "in_doubt") and result.cause not in ("unwritable", "too_large")
