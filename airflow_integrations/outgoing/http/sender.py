"""One way to deliver over HTTP at work: a request or an upsert, and the question whether it has arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import AnswerError, EntityError, IntegrationError, UnknownOutcome
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.http.errors import UnreadableError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.formatted_body import FormattedBody, Numbers
from airflow_integrations.outgoing.http.answers.reasons import LaterError, later, reason_text, unwritable
from airflow_integrations.outgoing.http.answers.response_rules import ResponseRules
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_writer import body_of, writer_of
from airflow_integrations.outgoing.http.upsert import Upserting
from airflow_integrations.outgoing.http.verify import Verifying
from airflow_integrations.outgoing.http.wording import HTTP, Wording
from airflow_integrations.outgoing.request_scope import RequestNames, names_read
from airflow_integrations.run import Services

if TYPE_CHECKING:
    from airflow_integrations.http import Request

__all__ = ["Sender", "heard_about"]


class Sender:
    """Sends what ``options`` describe. ``key`` gives the idempotency key of a request for some entities; ``place`` is
    that of the options, for messages."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        entity: str,
        client: RecordingClient,
        services: Services,
        *,
        key: Callable[[Sequence[Outbound]], str],
        route: str,
        together: bool = False,
        place: str = "",
        values: bool = False,
        wording: Wording = HTTP,
    ) -> None:
        place = place or wording.kind
        self.client = client
        self.judgement = ResponseRules(options, base, now=services.now, values=values, wording=wording)
        self._options = options
        self._repeatable = options.repeatable
        self._key = key
        self._no_verify = wording.no_verify
        self._verifying: Verifying | None = None
        if options.verify is not None:
            self._verifying = Verifying(options, base, entity, client, wording=wording)
        self._upserting: Upserting | None = None
        if options.upsert is not None:
            self._upserting = Upserting(
                options,
                base,
                entity,
                client,
                self.judgement,
                sleep=services.sleep,
                rng=services.rng,
                wording=wording,
            )
            return
        parts = (options.path, options.query, options.headers, options.body, options.body_text, options.form)
        self._names = RequestNames(base, entity, names_read(*parts), together=together)
        self._writer = writer_of(options, options, base, place, repeatable=self._repeatable)
        self._body = body_of(options, options, together=together)
        self._numbers: Numbers | None = None
        if options.body_format is not None and options.body_format.partner is not None:
            self._numbers = Numbers(options.body_format, route, services)
        self._screen = self.judgement.screen(options, place)

    async def send(self, part: Sequence[Outbound]) -> list[Result] | None:
        """Send entities in one request: see :data:`Attempt`. What went wrong has with it what was said."""
        return await heard_about(self.client, self._attempt(part) if self._upserting is None else self._upsert(part))

    async def verify(self, outbound: Outbound) -> Result | None:
        """Whether the target has the entity: see :class:`Outgoing`. None at once where sending it again is harmless."""
        if self._upserting is not None:
            return None
        if self._verifying is None:
            return None if self._repeatable else Result("in_doubt", reason=self._no_verify, cause="unknown")
        found = await heard_about(self.client, self._ask(outbound))
        return None if found is None else found[0]

    async def _ask(self, outbound: Outbound) -> list[Result] | None:
        assert self._verifying is not None
        result = await self._verifying.ask(outbound)
        return None if result is None else [result]

    async def _upsert(self, part: Sequence[Outbound]) -> list[Result] | None:
        assert self._upserting is not None
        return None if len(part) > 1 else [await self._upserting.deliver(part[0])]

    async def _attempt(self, part: Sequence[Outbound]) -> list[Result] | None:
        """Send entities in one request, but for those that no request can be written for: they fail by themselves."""
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
        if self._numbers is not None:
            request = self._request(part, await self._numbers.awaited(self._key(part)))
        try:
            answer = await self._screen.send(self.client, request)
        except UnknownOutcome as error:
            return [Result("in_doubt", None, reason_text(error), error.status, "unknown")] * len(part)
        except LaterError as error:
            return [later(error)] * len(part)
        except UnreadableError as error:
            return [Result("in_doubt", reason=reason_text(error), cause="unreadable")] * len(part)
        except AnswerError as error:
            return [Result("failed", reason=reason_text(error), cause="refused")] * len(part)
        return self.judgement.of(answer, part, self._screen)

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

    def _request(self, part: Sequence[Outbound], control: Control | None = None) -> Request:
        names = self._names.of(part)
        if control is not None and isinstance(self._body, FormattedBody):
            body: bytes | None = self._body.numbered(part, names, control)
        else:
            body = self._body(part, names)
        key = self._key(part) if self._writer.sends_key else None
        return self._writer.write(names, body, key)


async def heard_about(client: RecordingClient, attempt: Awaitable[list[Result] | None]) -> list[Result] | None:
    """The results of an attempt. What went wrong, and an error, have with them what was asked and answered last."""
    client.forget()
    try:
        results = await attempt
    except IntegrationError as error:
        error.exchange = client.exchange()
        raise
    if results is None or not any(_went_wrong(result) for result in results):
        return results
    exchange = client.exchange()
    return [
        replace(result, exchange=result.exchange or exchange) if _went_wrong(result) else result for result in results
    ]


def _went_wrong(result: Result) -> bool:
    """In a request, which others never made."""
    return result.status in ("failed", "in_doubt", "pending") and result.cause not in ("unwritable", "too_large")
