"""Asks the target for an entity: an upsert's find, and the verification of what is in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.expressions import Template
from airflow_integrations.expressions.language.presence import reported_error, reported_instead
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.http import Answer
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.http.answers.response_rules import answered, refusal
from airflow_integrations.outgoing.http.answers.rule_options import RefusalRules, ruled
from airflow_integrations.outgoing.http.answers.screen import Screen
from airflow_integrations.outgoing.http.query_options import Question
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.http.request_body import Body, structured
from airflow_integrations.outgoing.http.request_writer import JSON, RequestWriter
from airflow_integrations.outgoing.http.wording import HTTP, Wording

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
        client: RecordingClient,
        place: str,
        *,
        headers: Mapping[str, Template],
        reads: frozenset[str],
        shared: RefusalRules,
        wording: Wording = HTTP,
    ) -> None:
        self._place = wording.about(place)
        self._wording = wording
        self._client = client
        self._writer = RequestWriter(
            question, base, wording.place(place), headers=headers, content_type=JSON, repeatable=True
        )
        self._body: Body | None = structured(question.body) if question.body else None
        self._not_found = frozenset(question.not_found)
        rules = ruled(question, shared)
        self._format: AnswerFormat = rules
        self._screen = Screen(rules, base, wording.place(place), reads=reads)

    async def ask(self, outbound: Outbound, names: Mapping[str, Any]) -> tuple[Answer, dict[str, Any]] | None:
        """The answer and the names over it and the entity; None where its status says that the target has nothing.

        Raises UntoldError for other statuses, for content that cannot be read and where ``error_when`` holds,
        EntityError where no question can be written for this entity, and what :meth:`Screen.send` raises.
        """
        body = self._body((outbound,), names) if self._body else None
        answer = await self._screen.send(self._client, self._writer.write(names, body))
        status = answer.status
        if status in self._not_found:
            return None
        try:
            met = self._screen.met(answer)
            if met is not None:
                raise UntoldError(f"{self._place}: {answered(answer)}, an error as {met} says", status=status)
            if not 200 <= status < 300:
                raise UntoldError(f"{self._place}: {refusal(answer)}", status=status)
            return answer, {**names, **self._screen.names.of(answer)}
        except UntoldError:
            raise
        except EntityError as error:
            raise UntoldError(answer.redact(f"{self._place}: {error}"), status=status) from None

    def mind_errors(self, answer: Answer, body: Any, *, found: bool) -> None:
        """Raises UntoldError for an answer without content, and for one that reports an error besides, or in the place
        of what was not ``found``.

        Where the route has ``error_when``, that alone says what an error is.
        """
        if answer.status != 204 and not answer.content.strip():
            raise UntoldError(f"{self._place}: {answered(answer)} does not tell anything", status=answer.status)
        if self._screen.has_error_rule:
            return
        name = reported_error(body) if found else reported_instead(body, self._document(answer, body))
        if name is None:
            return
        why = f"{self._place}: the answer has {name} and does not tell whether the target has it: {answered(answer)}"
        remedy = self._wording.remedy(f"; if {name} does not mean that, write error_when")
        raise UntoldError(f"{why}{remedy}", status=answer.status)

    def mind_hidden_errors(self, answer: Answer) -> None:
        """As :meth:`mind_errors`, for an answer in which a rule of the route has found nothing, and of which it need
        not have read the body."""
        if not answer.content.strip():
            return
        try:
            body = self._format.decode(answer, place=self._place)
        except AnswerError:
            return
        self.mind_errors(answer, body, found=False)

    def _document(self, answer: Answer, body: Any) -> Any:
        """What an XML answer has around its records."""
        content_type = answer.headers.get("Content-Type")
        if self._format.by_record(content_type):
            return self._format.head(answer.content, content_type)["document"]
        return body if self._format.name_for(content_type) == "xml" else None


def nothing(found: Any) -> bool:
    """Whether what was found is nothing: no value, false, or empty."""
    return found is None or found is False or found in ({}, [], "")
