"""Asks the rules of a request what an answer means, before its status decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_integrations.errors import EntityError, OutageError
from airflow_integrations.expressions import Expression
from airflow_integrations.http import Answer, Request
from airflow_integrations.http.errors import Refused, reason_phrase
from airflow_integrations.http.retry import Verdict
from airflow_integrations.outgoing.http.answers.reasons import LaterError, reason_text
from airflow_integrations.outgoing.http.answers.response_scope import AnswerNames
from airflow_integrations.outgoing.http.answers.rule_options import AnswerRules
from airflow_integrations.outgoing.http.recording_client import RecordingClient
from airflow_integrations.outgoing.request_scope import names_read

__all__ = ["Met", "Screen"]

LATER_BEFORE_OUTAGE = 10
"""So many requests in a row that are put off are a matter of their entities; more of them are the target's."""
_AWAY = (429, 503)

_ORDER = ("stop_when", "retry_when", "refused_when", "error_when")
_VERDICTS = {"retry_when": Verdict.AGAIN}


@dataclass(frozen=True, slots=True)
class Met:
    """The rule that an answer meets, and its text."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} ({self.text})" if len(self.text) <= 100 else self.rule


class Screen:
    """The rules of one kind of request. ``place`` names it in messages, such as ``outgoing.http.delete``.

    ``reads`` are the names that others read of its answers with :attr:`names`. ``claims`` says of an answer whose
    status is not a success whether the route takes it for one all the same.
    """

    def __init__(
        self,
        rules: AnswerRules,
        base: Mapping[str, Any],
        place: str,
        *,
        reads: frozenset[str] = frozenset(),
        claims: Callable[[Answer, AnswerNames], bool] | None = None,
    ) -> None:
        given: dict[str, Expression] = {name: found for name in _ORDER if (found := getattr(rules, name, None))}
        self._rules = [(Met(name, rule.text), rule.compile()) for name, rule in given.items()]
        self._place = place
        self._claims = claims
        self._last: tuple[Answer, Met | EntityError | None] | None = None
        self.has_rules = bool(given)
        self.has_error_rule = "error_when" in given
        self.names = AnswerNames(base, reads | names_read(*given.values()), rules)

    async def send(self, client: RecordingClient, request: Request) -> Answer:
        """The answer, which then is what :meth:`met` says. Raises what the client raises, Refused by ``stop_when``.

        Raises LaterError by ``retry_when`` once the retry budget is used up, and OutageError where all that is sent
        is put off, or the status says that the target is away.
        """
        if not self._rules and self._claims is None:
            return await client.send(request)
        try:
            answer = await client.send(request, rule=self._verdict)
        except OutageError as error:
            if not isinstance(error.answer, Answer) or error.answer.status in _AWAY:
                raise
            met = self._look(error.answer)
            if not isinstance(met, Met) or met.rule != "retry_when":
                raise
            client.later_in_a_row += 1
            if client.later_in_a_row > LATER_BEFORE_OUTAGE:
                raise
            raise LaterError(f"{error}, as {met} says", error.answer.status, error.retry_after) from None
        met = self._look(answer)
        if isinstance(met, Met) and met.rule == "stop_when":
            said = f". It said: {answer.said()}" if answer.content.strip() else ""
            why = f"{reason_phrase(answer.status)}; the run stops, as {self._place}.{met} says"
            raise Refused(
                reason_text(f"{client.say(request)}: {why}; check the credentials of the Connection{said}"),
                answer,
            )
        return answer

    def met(self, answer: Answer) -> Met | None:
        """``refused_when`` or ``error_when``, where the answer meets it.

        Raises EntityError for an answer from 200 to 299 that a rule cannot read: it says neither yes nor no.
        """
        met = self._look(answer)
        if isinstance(met, EntityError):
            if 200 <= answer.status < 300:
                raise met
            return None
        return met

    def _look(self, answer: Answer) -> Met | EntityError | None:
        if not self._rules:
            return None
        if self._last is None or self._last[0] is not answer:
            self._last = answer, self._first(answer)
        return self._last[1]

    def _first(self, answer: Answer) -> Met | EntityError | None:
        unclear: EntityError | None = None
        for met, rule in self._rules:
            try:
                if rule(self.names.of(answer)):
                    return met
            except EntityError as error:
                unclear = unclear or EntityError(f"{met.rule}: {answer.redact(error.reason)}")
        return unclear

    def _verdict(self, answer: Answer) -> Verdict | None:
        met = self._look(answer)
        if isinstance(met, Met):
            return _VERDICTS.get(met.rule, Verdict.FINAL)
        if self._claims is not None and not 200 <= answer.status < 300 and self._claims(answer, self.names):
            return Verdict.FINAL
        return None
