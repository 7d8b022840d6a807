"""Tells the target that an entity is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.http.errors import UnreadableError, reason_phrase
from airflow_integrations.http.retry import asked_wait
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.reasons import LaterError, later, reason_text, unwritable
from airflow_integrations.outgoing.http.answers.response_rules import GONE, refusal
from airflow_integrations.outgoing.http.answers.response_scope import is_page
from airflow_integrations.outgoing.http.answers.rule_options import ruled
from airflow_integrations.outgoing.http.answers.screen import Screen
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_body import Body, no_body
from airflow_integrations.outgoing.http.request_writer import own_body, writer_of
from airflow_integrations.outgoing.http.wording import HTTP, Wording
from airflow_integrations.outgoing.request_scope import RequestNames, names_read

__all__ = ["Deleting"]

_OWN_NAMES = frozenset({"key", "target_id"})


class Deleting:
    """Sends deletions, one in a request. Safe to repeat: what is no longer there counts as deleted."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        entity: str,
        client: RecordingClient,
        *,
        now: Callable[[], float],
        wording: Wording = HTTP,
    ) -> None:
        delete = options.delete
        assert delete is not None
        self._client = client
        self._now = now
        self._most = options.max_body_bytes
        reads = names_read(delete, options.headers) - _OWN_NAMES
        self._names = RequestNames(base, entity, reads, together=False)
        self._writer = writer_of(delete, options, base, wording.place("delete"), repeatable=True)
        self._screen = Screen(ruled(delete, options), base, wording.place("delete"))
        self._body: Body = own_body(delete) or no_body

    async def attempt(self, outbound: Outbound) -> list[Result]:
        """:meth:`deliver`, as an attempt to send several entities answers."""
        return [await self.deliver(outbound)]

    async def deliver(self, outbound: Outbound) -> Result:
        """What became of one deletion. Raises OutageError and SetupError as :meth:`Outgoing.send` does."""
        try:
            names = {**self._names.of((outbound,)), "key": outbound.key, "target_id": outbound.target_id}
            body = self._body((outbound,), names)
            request = self._writer.write(names, body, outbound.idempotency_key)
        except EntityError as error:
            return unwritable(error, place="delete")
        if self._most is not None and body is not None and len(body) > self._most:
            why = f"the deletion's body has {len(body)} bytes, above max_body_bytes ({self._most})"
            return Result("failed", outbound.target_id, why, cause="too_large")
        try:
            answer = await self._screen.send(self._client, request)
        except UnreadableError as error:
            if self._screen.has_rules:
                return Result("in_doubt", outbound.target_id, reason_text(error), cause="unreadable")
            return Result("delivered", outbound.target_id)  # it says success, and nothing in it is wanted
        except LaterError as error:
            return replace(later(error), target_id=outbound.target_id)
        except AnswerError as error:
            return Result("failed", outbound.target_id, reason_text(error), cause="refused")
        status = answer.status
        if status in GONE:
            return Result("delivered", outbound.target_id, http_status=status)
        try:
            met = self._screen.met(answer)
        except EntityError as error:
            return Result("in_doubt", outbound.target_id, reason_text(error), status, "unreadable")
        if met is not None:
            why = reason_text(f"{refusal(answer)}, as {met} says")
            return Result("failed", outbound.target_id, why, status, "refused", later=False)
        if not 200 <= status < 300:
            wait = asked_wait(answer.headers, self._now())
            return Result("failed", outbound.target_id, refusal(answer), status, "refused", wait)
        if status < 300 and is_page(answer):
            why = f"{reason_phrase(status)}, the answer to delete is a web page and confirms nothing: "
            why += answer.excerpt(120)
            return Result("in_doubt", outbound.target_id, reason_text(why), status, "unreadable")
        return Result("delivered", outbound.target_id, http_status=status)
