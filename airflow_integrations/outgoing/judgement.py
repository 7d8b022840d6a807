"""What an answer means for the entities of its request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.http import Answer
from airflow_integrations.http.refusal import reason_phrase
from airflow_integrations.http.retry import asked_wait
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.answer_names import AnswerNames, is_page
from airflow_integrations.outgoing.http_options import HttpOptions
from airflow_integrations.outgoing.request_names import names_read
from airflow_integrations.outgoing.results import ResultsReader
from airflow_integrations.outgoing.wording import id_text, no_verdict, reason_text

__all__ = ["GONE", "Judgement", "refusal"]

GONE = (404, 410)
"""Statuses by which a target says that it does not have what is to be deleted."""


class Judgement:
    """Reads the answers of one run. ``now`` gives Unix seconds, for a Retry-After that is a date."""

    def __init__(self, options: HttpOptions, base: Mapping[str, Any], *, now: Callable[[], float]) -> None:
        success, waiting, identity, results = options.success_when, options.waiting_when, options.id, options.results
        self._names = AnswerNames(base, names_read(success, waiting, identity, results))
        self._now = now
        self._waiting = waiting.compile() if waiting else None
        self._deadline = options.waiting_deadline.total_seconds()
        self._success = success.compile() if success else None
        self._id = identity.compile() if identity else None
        self._results = ResultsReader(results, self._deadline) if results else None
        self._refused = frozenset(options.refused)
        self._delivered: dict[int, Result] = {}
        self.ids_missed = 0
        """Delivered entities whose id could not be read from the answer although the route says how."""

    @property
    def surplus(self) -> int:
        """Results that belong to no entity that was sent."""
        return self._results.surplus if self._results else 0

    def of(self, answer: Answer, part: Sequence[Outbound]) -> list[Result] | None:
        """One result for each entity; None where several were refused as a whole, by a status that means so."""
        status = answer.status
        waits, why = self._waits(answer) if self._waiting is not None else (False, "")
        confirmed: bool | None = True
        if waits is None:
            confirmed = None
        elif not waits:
            confirmed, why = self._confirmed(answer)
        if confirmed is None:
            return [Result("in_doubt", reason=why, http_status=status, cause="unreadable")] * len(part)
        if not confirmed:
            if len(part) > 1 and status in self._refused:
                return None
            wait = asked_wait(answer.headers, self._now())
            return [Result("failed", None, why, status, "refused", wait)] * len(part)
        results = self._taken(answer, part)
        return [self._to_wait(result) for result in results] if waits else results

    def _taken(self, answer: Answer, part: Sequence[Outbound]) -> list[Result]:
        """What became of entities that the target took: each by itself, where the answer says so."""
        status = answer.status
        if self._results is not None:
            try:
                names = self._names.of(answer)
            except EntityError as error:
                told = Result("in_doubt", reason=reason_text(error), http_status=status, cause="unreadable")
                return [told] * len(part)
            return [_without_secrets(result, answer) for result in self._results.read(names, part, status)]
        if self._id is not None and len(part) == 1:
            return [Result("delivered", self._target_id(answer), http_status=status)]
        return [self._plainly_delivered(status)] * len(part)

    def _waits(self, answer: Answer) -> tuple[bool | None, str]:
        """Whether the target decides later; None, with the reason, where a good answer leaves it open."""
        assert self._waiting is not None
        good = 200 <= answer.status < 300
        try:
            waits = self._waiting(self._names.of(answer))
        except EntityError as error:
            return (None, reason_text(f"waiting_when: {error}")) if good else (False, "")
        unclear = no_verdict(waits)
        if unclear is None:
            return bool(waits), ""
        return (None, reason_text(f"waiting_when {unclear}: {answer.excerpt()}")) if good else (False, "")

    def _to_wait(self, result: Result) -> Result:
        return replace(result, status="waiting", deadline=self._deadline) if result.status == "delivered" else result

    def _confirmed(self, answer: Answer) -> tuple[bool | None, str]:
        """Whether the answer confirms delivery (None: it does not say) and, where it does not, why."""
        good = 200 <= answer.status < 300
        if self._success is None:
            if good and is_page(answer):
                why = "the answer is a web page and confirms nothing; if the target does answer so, say success_when"
                return None, reason_text(f"{reason_phrase(answer.status)}, {why}. It begins: {answer.excerpt(120)}")
            if good or _gone_before(answer):
                return True, ""
            return False, refusal(answer)
        try:
            confirmed = self._success(self._names.of(answer))
        except EntityError as error:
            return (None, reason_text(f"success_when: {error}")) if good else (False, refusal(answer))
        unclear = no_verdict(confirmed)
        if confirmed and unclear is None:
            return True, ""
        if unclear is not None and good:
            return None, reason_text(f"success_when {unclear}: {answer.excerpt()}")
        return False, reason_text(f"success_when is not met: {refusal(answer)}") if good else refusal(answer)

    def _target_id(self, answer: Answer) -> str | None:
        assert self._id is not None
        try:
            found = id_text(self._id(self._names.of(answer)))
        except EntityError:
            found = None
        if found is None:
            self.ids_missed += 1
        return found

    def _plainly_delivered(self, status: int) -> Result:
        result = self._delivered.get(status)
        if result is None:
            result = self._delivered[status] = Result("delivered", http_status=status)
        return result


def _without_secrets(result: Result, answer: Answer) -> Result:
    return result if result.reason is None else replace(result, reason=answer.redact(result.reason))


def _gone_before(answer: Answer) -> bool:
    """A repeated DELETE finds nothing where the attempt that was not heard of has deleted it."""
    return answer.request.method == "DELETE" and answer.attempts > 1 and answer.status in GONE


def refusal(answer: Answer) -> str:
    """What the target said when it did not take something, as a reason for people."""
    said = answer.excerpt()
    repeated = f" (attempt {answer.attempts})" if answer.attempts > 1 else ""
    return reason_text(f"{reason_phrase(answer.status)}{repeated}" + (f": {said}" if said else ""))
