"""Sends many entities in one ``$batch`` and reads what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from airflow_integrations.errors import AnswerError, EntityError, UnknownOutcome
from airflow_integrations.http import Answer, Request
from airflow_integrations.http.errors import UnreadableError, reason_phrase
from airflow_integrations.http.retry import asked_wait
from airflow_integrations.odata import json_batch, multipart
from airflow_integrations.odata.multipart import MalformedError, Part, PartAnswer
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.reasons import reason_text, unwritable
from airflow_integrations.outgoing.http.answers.response_rules import ResponseRules, refusal
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_writer import body_of, writer_of
from airflow_integrations.outgoing.odata.options import BatchOptions
from airflow_integrations.outgoing.odata.wording import WORDING
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

if TYPE_CHECKING:
    from airflow_integrations.run import Services

__all__ = ["Batches"]

_REFUSED_AS_A_WHOLE = (400, 413, 414, 422)


class Batches:
    """Sends entities that each are one request. ``repeatable``: sending one twice does no harm."""

    def __init__(
        self,
        options: HttpOptions,
        batch: BatchOptions,
        base: Mapping[str, Any],
        entity: str,
        client: RecordingClient,
        services: Services,
        *,
        repeatable: bool,
        version: int,
    ) -> None:
        self._client = client
        self._batch = batch
        self._repeatable = repeatable
        self._version = version
        self._now = services.now
        parts = (options.path, options.query, options.headers, options.body, options.body_text)
        self._names = RequestNames(base, entity, names_read(*parts), together=False)
        self._writer = writer_of(options, options, base, WORDING.kind, repeatable=repeatable, key=False)
        self._body = body_of(options, options, together=False)
        self._judgement = ResponseRules(options, base, now=services.now, wording=WORDING)
        self._screen = self._judgement.screen(options, WORDING.kind)

    async def send(self, part: Sequence[Outbound]) -> list[Result] | None:
        """One result for each entity, in order; None where the service refuses the batch and took nothing of it."""
        results: dict[str, Result] = {}
        waiting: list[tuple[Outbound, Request]] = []
        for outbound in part:
            try:
                names = self._names.of((outbound,))
                waiting.append((outbound, self._writer.write(names, self._body((outbound,), names))))
            except EntityError as error:
                results[outbound.key] = unwritable(error)
        while waiting:
            decided = await self._once(waiting)
            if decided is None:
                if len(waiting) > 1 and not results:
                    return None
                decided = [await self._alone(each) for each in waiting]
            for (outbound, _), result in zip(waiting, decided, strict=False):
                results[outbound.key] = result
            waiting = waiting[len(decided) :]  # the service stopped at a failure, and has not looked at these
        return [results[outbound.key] for outbound in part]

    async def _alone(self, sent: tuple[Outbound, Request]) -> Result:
        decided = await self._once([sent])
        if decided is None:
            return Result("failed", reason="the service refuses a batch of this entity alone", cause="refused")
        return decided[0]

    async def _once(self, waiting: Sequence[tuple[Outbound, Request]]) -> list[Result] | None:
        """Results of the first entities, one at least; None where the service refused them as a whole."""
        parts = [self._part(request) for _, request in waiting]
        body, content_type = (multipart.written if self._batch.format == "multipart" else json_batch.written)(parts)
        headers = {"Accept": "multipart/mixed" if self._batch.format == "multipart" else "application/json"}
        headers["Prefer"] = "odata.continue-on-error"
        if self._version == 4:
            headers["OData-Version"] = "4.0" if self._batch.format == "multipart" else "4.01"
        else:
            headers |= {"DataServiceVersion": "2.0", "MaxDataServiceVersion": "2.0"}
        asked = Request("POST", self._batch.path, (), headers, body, content_type, self._repeatable)
        try:
            answer = await self._client.send(asked)
        except UnknownOutcome as error:
            return [Result("in_doubt", None, reason_text(error), error.status, "unknown")] * len(waiting)
        except UnreadableError as error:
            return [Result("in_doubt", reason=reason_text(error), cause="unreadable")] * len(waiting)
        except AnswerError as error:
            return [Result("failed", reason=reason_text(error), cause="refused")] * len(waiting)
        if not 200 <= answer.status < 300:
            if answer.status in _REFUSED_AS_A_WHOLE and len(waiting) > 1:
                return None
            return [Result("failed", None, refusal(answer), answer.status, "refused")] * len(waiting)
        try:
            told = self._told(answer, len(waiting))
        except MalformedError as error:
            why = reason_text(answer.redact(f"the answer to the batch cannot be read: {error}"))
            return [Result("in_doubt", reason=why, http_status=answer.status, cause="unreadable")] * len(waiting)
        return self._judged(waiting, told, answer)

    def _told(self, answer: Answer, count: int) -> list[PartAnswer | None]:
        content_type = answer.headers.get("Content-Type", "")
        if content_type.lower().startswith("multipart/"):
            inner: list[PartAnswer | None] = [*multipart.answers_in(answer.content, content_type, count)]
            for number, part in enumerate(inner, 1):
                if part is not None and part.content_id not in (None, str(number)):
                    raise MalformedError("its parts are in another order than the requests")
            return inner
        found = json_batch.answers_in(answer.content, count)
        last = max(found, default=-1)
        return [found.get(place) for place in range(last + 1)]

    def _judged(
        self, waiting: Sequence[tuple[Outbound, Request]], told: Sequence[PartAnswer | None], whole: Answer
    ) -> list[Result]:
        results = []
        for (outbound, request), part in zip(waiting, told, strict=False):
            results.append(self._untold(whole) if part is None else self._one(outbound, request, part, whole))
        last = told[-1] if told else None
        # OData 4.01, section 11.7.7.2: a service that does not go on after a failure answers nothing behind it.
        stopped = last is not None and last.status >= 400 and (self._version == 4 or self._repeatable)
        if len(results) < len(waiting) and not stopped:
            results += [self._untold(whole)] * (len(waiting) - len(results))
        return results

    def _untold(self, whole: Answer) -> Result:
        why = "the answer to the batch says nothing about it"
        return Result("in_doubt", reason=why, http_status=whole.status, cause="unknown")

    def _one(self, outbound: Outbound, request: Request, part: PartAnswer, whole: Answer) -> Result:
        answer = replace(
            whole,
            status=part.status,
            headers=CIMultiDict(part.headers),
            content=part.content,
            request=request,
            signed_out=False,
        )
        status = part.status
        if status in (412, 429, 503) or (status >= 500 and self._repeatable):
            wait = asked_wait(answer.headers, self._now())
            return Result("failed", None, refusal(answer), status, "later", wait, later=True)
        if status >= 500 or status < 200:
            why = f"{reason_phrase(status)}, which leaves open whether it was taken: {answer.said()}"
            return Result("in_doubt", None, reason_text(why), status, "unknown")
        judged = self._judgement.of(answer, (outbound,), self._screen)
        assert judged is not None  # one entity is not refused as a whole
        return judged[0]

    def _part(self, request: Request) -> Part:
        from urllib.parse import quote, urlencode

        query = urlencode(request.query, quote_via=quote)
        path = request.path.lstrip("/") + (f"?{query}" if query else "")
        headers = dict(request.headers)
        if request.body is not None:
            headers["Content-Type"] = request.content_type or "application/json"
        return Part(request.method, path, headers, request.body)
