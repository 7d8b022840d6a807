"""Asks the target for an entity: an upsert's find, and the verification of what is in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Template
from airflow_integrations.http import Answer
from airflow_integrations.http.refusal import reason_phrase
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.answer_names import AnswerNames
from airflow_integrations.outgoing.http_questions import Question
from airflow_integrations.outgoing.overheard import Overheard
from airflow_integrations.outgoing.request_body import Body, structured
from airflow_integrations.outgoing.request_parts import JSON
from airflow_integrations.outgoing.request_writer import RequestWriter

__all__ = ["Asking", "UntoldError", "nothing"]


class UntoldError(EntityError):
    """The target's answer does not tell whether it has the entity. ``status`` is that answer's."""

    def __init__(self, reason: str, *, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Asking:
    """Asks one kind of question. ``place`` names it in messages, such as ``upsert.find``."""

    def __init__(
        self,
        question: Question,
        base: Mapping[str, Any],
        client: Overheard,
        place: str,
        *,
        headers: Mapping[str, Template],
        reads: frozenset[str],
    ) -> None:
        self._place = place
        self._client = client
        self._writer = RequestWriter(
            question, base, f"outgoing.http.{place}", headers=headers, content_type=JSON, repeatable=True
        )
        self._body: Body | None = structured(question.body) if question.body else None
        self._not_found = frozenset(question.not_found)
        self._answers = AnswerNames(base, reads)

    async def ask(self, outbound: Outbound, names: Mapping[str, Any]) -> tuple[Answer, dict[str, Any]] | None:
        """The answer and the names over it and the entity; None where its status says that the target has nothing.

        Raises UntoldError for other statuses and for content that cannot be read, EntityError where no question can be
        written for this entity, and what :meth:`Overheard.send` raises.
        """
        body = self._body((outbound,), names) if self._body else None
        answer = await self._client.send(self._writer.write(names, body))
        status = answer.status
        if status in self._not_found:
            return None
        if not 200 <= status < 300:
            raise UntoldError(f"{self._place}: {reason_phrase(status)}: {answer.excerpt()}", status=status)
        try:
            return answer, {**names, **self._answers.of(answer)}
        except EntityError as error:
            raise UntoldError(f"{self._place}: {error}", status=status) from None


def nothing(found: Any) -> bool:
    """Whether what was found is nothing: no value, false, or empty."""
    return found is None or found is False or found in ({}, [], "")
