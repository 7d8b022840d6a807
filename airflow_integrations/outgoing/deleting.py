"""Tells the target that an entity is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.http.refusal import UnreadableError, reason_phrase
from airflow_integrations.http.retry import asked_wait
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.answer_names import is_page
from airflow_integrations.outgoing.http_options import HttpOptions
from airflow_integrations.outgoing.judgement import GONE, refusal
from airflow_integrations.outgoing.overheard import Overheard
from airflow_integrations.outgoing.request_body import Body, no_body
from airflow_integrations.outgoing.request_names import RequestNames, names_read
from airflow_integrations.outgoing.request_parts import own_body, writer_of
from airflow_integrations.outgoing.wording import reason_text, unwritable

__all__ = ["Deleting"]

_OWN_NAMES = frozenset({"key", "target_id"})


class Deleting:
    """Sends deletions, one in a request. Safe to repeat: what is no longer there counts as deleted."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        entity: str,
        client: Overheard,
        *,
        now: Callable[[], float],
    ) -> None:
        delete = options.delete
        assert delete is not None
        self._client = client
        self._now = now
        reads = names_read(delete, options.headers) - _OWN_NAMES
        self._names = RequestNames(base, entity, reads, together=False)
        self._writer = writer_of(delete, options, base, "outgoing.http.delete", repeatable=True)
        self._body: Body = own_body(delete) or no_body

    async def deliver(self, outbound: Outbound) -> Result:
        """What became of one deletion. Raises OutageError and SetupError as :meth:`Outgoing.send` does."""
        try:
            names = {**self._names.of((outbound,)), "key": outbound.key, "target_id": outbound.target_id}
            body = self._body((outbound,), names)
            request = self._writer.write(names, body, outbound.idempotency_key)
        except EntityError as error:
            return unwritable(error, place="delete")
        try:
            answer = await self._client.send(request)
        except UnreadableError:  # it says success, and nothing in it is wanted
            return Result("delivered", outbound.target_id)
        except AnswerError as error:
            return Result("failed", outbound.target_id, reason_text(error), cause="refused")
        status = answer.status
        if status not in GONE and not 200 <= status < 300:
            wait = asked_wait(answer.headers, self._now())
            return Result("failed", outbound.target_id, refusal(answer), status, "refused", wait)
        if status < 300 and is_page(answer):
            why = f"{reason_phrase(status)}, the answer to delete is a web page and confirms nothing: "
            why += answer.excerpt(120)
            return Result("in_doubt", outbound.target_id, reason_text(why), status, "unreadable")
        return Result("delivered", outbound.target_id, http_status=status)
