"""Rules by which an answer decides the fate of its request's entities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.http import Answer
from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.retry import asked_wait
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.batch_results import ResultsReader
from airflow_integrations.outgoing.http.answers.reasons import id_text, no_verdict, reason_text, without_secrets
from airflow_integrations.outgoing.http.answers.response_scope import AnswerNames, is_page
from airflow_integrations.outgoing.http.answers.rule_options import RefusalRules
from airflow_integrations.outgoing.http.answers.screen import Screen
from airflow_integrations.outgoing.http.options import HttpOptions
from airflow_integrations.outgoing.http.wording import HTTP, Wording
from airflow_integrations.outgoing.request_scope import names_read

__all__ = ["GONE", "ResponseRules", "answered", "refusal"]

GONE = (404, 410)
"""Statuses by which a target says that it does not have what is to be deleted."""


class ResponseRules:
    """Reads the answers of one run. ``now`` gives Unix seconds, for a Retry-After that is a date. With ``values`` what
    ``id`` reads in the answer is the result's ``value``, too, whatever it is."""

    def __init__(
        self,
        options: HttpOptions,
        base: Mapping[str, Any],
        *,
        now: Callable[[], float],
        values: bool = False,
        wording: Wording = HTTP,
    ) -> None:
        success, waiting, identity, results = options.success_when, options.waiting_when, options.id, options.results
        self._base = base
        self._wording = wording
        self._reads = names_read(success, waiting, identity, results)
        self._now = now
        self._waiting = waiting.compile() if waiting else None
        self._deadline = options.waiting_deadline.total_seconds()
        self._success = success.compile() if success else None
        self._success_text = f" ({success.text})" if success and len(success.text) <= 100 else ""
        self._id = identity.compile() if identity else None
        self._values = values
        judged = options.error_when is not None
        self._results = ResultsReader(results, self._deadline, judged=judged) if results else None
        self._refused = frozenset(options.refused)
        self._delivered: dict[int, Result] = {}
        self.ids_missed = 0
        """Delivered entities whose id could not be read from the answer although the route says how."""

    @property
    def surplus(self) -> int:
        """Results that belong to no entity that was sent."""
        return self._results.surplus if self._results else 0

    def screen(self, rules: RefusalRules, place: str) -> Screen:
        """The screen for the answers to one kind of request that writes."""
        decides = self._success is not None or self._waiting is not None
        return Screen(rules, self._base, place, reads=self._reads, claims=self._claimed if decides else None)

    def of(self, answer: Answer, part: Sequence[Outbound], screen: Screen) -> list[Result] | None:
        """One result for each entity; None where several were refused as a whole and the target took nothing."""
        status = answer.status
        try:
            met = screen.met(answer)
        except EntityError as error:
            return [Result("in_doubt", reason=reason_text(error), http_status=status, cause="unreadable")] * len(part)
        if met is not None:
            if len(part) > 1 and (met.rule == "refused_when" or status in self._refused):
                return None
            why = reason_text(f"{refusal(answer)}, as {met} says")
            return [Result("failed", None, why, status, "refused", later=False)] * len(part)
        names = screen.names
        waits, why = self._waits(answer, names) if self._waiting is not None else (False, "")
        confirmed: bool | None = True
        if waits is None:
            confirmed = None
        elif not waits:
            confirmed, why = self._confirmed(answer, names)
        if confirmed is None:
            why = answer.redact(why)
            return [Result("in_doubt", reason=why, http_status=status, cause="unreadable")] * len(part)
        if not confirmed:
            if len(part) > 1 and status in self._refused:
                return None
            wait = asked_wait(answer.headers, self._now())
            return [Result("failed", None, answer.redact(why), status, "refused", wait)] * len(part)
        results = [_without_secrets(result, answer) for result in self._taken(answer, names, part)]
        return [self._to_wait(result) for result in results] if waits else results

    def _claimed(self, answer: Answer, names: AnswerNames) -> bool:
        """Whether the route takes an answer for a good one, although its status is none."""
        waits = self._waiting is not None and self._waits(answer, names)[0]
        return bool(waits or (self._success is not None and self._confirmed(answer, names)[0]))

    def _taken(self, answer: Answer, names: AnswerNames, part: Sequence[Outbound]) -> list[Result]:
        """What became of entities that the target took: each by itself, where the answer says so."""
        status = answer.status
        if self._results is not None:
            try:
                over = names.of(answer)
            except EntityError as error:
                told = Result("in_doubt", reason=reason_text(error), http_status=status, cause="unreadable")
                return [told] * len(part)
            return self._results.read(over, part, status)
        if self._id is not None and len(part) == 1:
            found = self._read_id(answer, names)
            known = id_text(found)
            self.ids_missed += known is None
            value = without_secrets(found, answer.redact) if self._values else None
            return [Result("delivered", known, http_status=status, value=value)]
        return [self._plainly_delivered(status)] * len(part)

    def _waits(self, answer: Answer, names: AnswerNames) -> tuple[bool | None, str]:
        """Whether the target decides later; None, with the reason, where a good answer leaves it open."""
        assert self._waiting is not None
        good = 200 <= answer.status < 300
        try:
            waits = self._waiting(names.of(answer))
        except EntityError as error:
            return (None, reason_text(f"waiting_when: {error}")) if good else (False, "")
        unclear = no_verdict(waits)
        if unclear is None:
            return bool(waits), ""
        return (None, reason_text(f"waiting_when {unclear}: {answered(answer)}")) if good else (False, "")

    def _to_wait(self, result: Result) -> Result:
        return replace(result, status="waiting", deadline=self._deadline) if result.status == "delivered" else result

    def _confirmed(self, answer: Answer, names: AnswerNames) -> tuple[bool | None, str]:
        """Whether the answer confirms delivery (None: it does not say) and, where it does not, why."""
        good = 200 <= answer.status < 300
        if self._success is None:
            if good and is_page(answer):
                why = "the answer is a web page and confirms nothing"
                why += self._wording.remedy("; if the target does answer so, say success_when")
                return None, reason_text(f"{reason_phrase(answer.status)}, {why}. It begins: {answer.excerpt(120)}")
            if good or _gone_before(answer):
                return True, ""
            return False, refusal(answer)
        rule = f"success_when{self._success_text}"
        try:
            confirmed = self._success(names.of(answer))
        except EntityError as error:
            return (None, reason_text(f"success_when: {error}")) if good else (False, refusal(answer))
        unclear = no_verdict(confirmed)
        if confirmed and unclear is None:
            return True, ""
        if unclear is not None and good:
            return None, reason_text(f"{rule} {unclear}: {answered(answer)}")
        return False, reason_text(f"{rule} is not met: {answered(answer)}") if good else refusal(answer)

    def _read_id(self, answer: Answer, names: AnswerNames) -> Any:
        assert self._id is not None
        try:
            return self._id(names.of(answer))
        except EntityError:
            return None

    def _plainly_delivered(self, status: int) -> Result:
        result = self._delivered.get(status)
        if result is None:
            result = self._delivered[status] = Result("delivered", http_status=status)
        return result


def _without_secrets(result: Result, answer: Answer) -> Result:
    """An answer may hold the Connection's credentials, in an id, too, such as the address of what was created."""
    reason, target_id = result.reason, result.target_id
    if reason is None and target_id is None:
        return result
    told = None if reason is None else answer.redact(reason)
    known = None if target_id is None else answer.redact(target_id)
    return result if (told, known) == (reason, target_id) else replace(result, reason=told, target_id=known)


def _gone_before(answer: Answer) -> bool:
    """A repeated DELETE finds nothing where an attempt that is unanswered has deleted it."""
    return answer.request.method == "DELETE" and answer.attempts > 1 and answer.status in GONE


def answered(answer: Answer) -> str:
    """Status and message of an answer that somebody expects more of; an empty one is called so."""
    return refusal(answer) if answer.content.strip() else f"{refusal(answer)}, an answer without content"


def refusal(answer: Answer) -> str:
    """What the target said when it did not take something, as a reason for people."""
    said = answer.said()
    repeated = f" (attempt {answer.attempts})" if answer.attempts > 1 else ""
    return reason_text(f"{reason_phrase(answer.status)}{repeated}" + (f": {said}" if said else ""))
