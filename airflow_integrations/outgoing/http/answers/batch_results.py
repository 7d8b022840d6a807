"""Results of the single entities, read from the answer to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.expressions.language.presence import reported_instead
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.answers.reasons import id_text, no_verdict, reason_text
from airflow_integrations.outgoing.http.options import Results
from airflow_integrations.outgoing.request_scope import names_read
from airflow_integrations.plurals import counted, plural

__all__ = ["ResultsReader"]

_UNTOLD = "the target took the batch, but its answer has no result for this entity"
_STRANGE = (
    "the answer lists a failure that belongs to no entity of the request, so that this one may have failed; "
    "check results.match"
)


class ResultsReader:
    """Matches results with entities, by position or by key. What is not told, or told both ways, is in doubt.

    With ``unlisted: delivered`` what is not told was taken, unless a result belongs to nobody.

    With ``judged`` the route has an ``error_when``, which says what an error is.

    ``deadline``: seconds that an entity waits whose result says that the target decides later.
    """

    def __init__(self, options: Results, deadline: float, *, judged: bool = False) -> None:
        self._items = options.items.compile()
        self._match = options.match.compile() if options.match else None
        self._ok = options.ok.compile() if options.ok else None
        self._unlisted = options.unlisted
        self._judged = judged
        self._retry = options.retry_when.compile() if options.retry_when else None
        self._refused = options.refused_when.compile() if options.refused_when else None
        self._stop = options.stop_when.compile() if options.stop_when else None
        self._entities = "entities" in names_read(options)
        self._waiting = options.waiting.compile() if options.waiting else None
        self._deadline = deadline
        self._id = options.id.compile() if options.id else None
        self._reason = options.reason.compile() if options.reason else None
        self.surplus = 0
        """Results so far that belong to no entity of their request."""

    def read(self, names: dict[str, Any], part: Sequence[Outbound], status: int) -> list[Result]:
        """One result for each entity, in order. ``names`` are those over the answer."""
        if self._entities:
            names["entities"] = [outbound.value for outbound in part]
        try:
            items = self._items(names)
        except EntityError as error:
            return _all_in_doubt(part, status, f"results.items: {error}", "unreadable")
        if not isinstance(items, list | tuple):
            found = "nothing" if items is None else kind_of(items)
            why = f"results.items read {found} where the list of results belongs"
            if self._unlisted == "delivered":
                why += "; where an answer without the list has no failures, write … or []"
            return _all_in_doubt(part, status, why, "unreadable")
        if not items and self._unlisted == "delivered" and not self._judged and (name := self._reported(names)):
            why = f"the answer lists no failure and has {name}; if {name} does not mean an error, write error_when"
            return _all_in_doubt(part, status, why, "unreadable")
        if self._match is None:
            return self._by_position(items, names, part, status)
        return self._by_key(items, names, part, status)

    @staticmethod
    def _reported(names: dict[str, Any]) -> str | None:
        return reported_instead(names.get("body"))

    def _by_position(
        self, items: Sequence[Any], names: dict[str, Any], part: Sequence[Outbound], status: int
    ) -> list[Result]:
        if len(items) != len(part):  # which one is missing, or too many, is anybody's guess
            self.surplus += max(0, len(items) - len(part))
            return _all_in_doubt(
                part,
                status,
                f"{counted(len(part), 'entity')} {plural(len(part), 'was', 'were')} sent and "
                f"{counted(len(items), 'result')} came back, so their positions say nothing; "
                "use results.match with the key that a result names",
                "unknown",
            )
        return [self._result(item, names, status) for item in items]

    def _by_key(
        self, items: Sequence[Any], names: dict[str, Any], part: Sequence[Outbound], status: int
    ) -> list[Result]:
        assert self._match is not None
        sent = {outbound.key for outbound in part}
        told: dict[str, Result] = {}
        strange = self.surplus
        for item in items:
            names["item"] = item
            try:
                key = key_text(self._match(names))
            except EntityError:
                self.surplus += 1
                continue
            if key not in sent:
                self.surplus += 1
                continue
            result = self._result(item, names, status)
            if key in told and (told[key].status, told[key].later) != (result.status, result.later):
                result = _in_doubt("the answer has results of both kinds for it", status)
            told[key] = result
        if self._unlisted == "in_doubt":
            untold = Result("in_doubt", reason=_UNTOLD, http_status=status, cause="unknown")
        elif self.surplus > strange:
            untold = Result("in_doubt", reason=_STRANGE, http_status=status, cause="unknown")
        else:
            untold = Result("delivered", http_status=status)
        return [told.get(outbound.key, untold) for outbound in part]

    def _result(self, item: Any, names: dict[str, Any], status: int) -> Result:
        names["item"] = item
        if self._holds(self._stop, names):
            why = f"the run stops, as results.stop_when says: {self._why(item, names)}"
            return Result("pending", reason=reason_text(why), http_status=status, cause="setup")
        if self._holds(self._retry, names):
            return Result("failed", None, self._why(item, names), status, "later", later=True)
        if self._holds(self._refused, names):
            return Result("failed", None, self._why(item, names), status, "refused", later=False)
        waits = self._verdict("waiting", self._waiting, names, status) if self._waiting else False
        if isinstance(waits, Result):
            return waits
        target_id = id_text(self._read(self._id, names))
        if waits:
            return Result("waiting", target_id, http_status=status, deadline=self._deadline)
        ok = self._verdict("ok", self._ok, names, status) if self._ok else False
        if isinstance(ok, Result):
            return ok
        if ok:
            return Result("delivered", target_id, http_status=status)
        return Result("failed", target_id, self._why(item, names), status, "refused")

    def _why(self, item: Any, names: dict[str, Any]) -> str:
        reason = self._read(self._reason, names)
        return reason_text(item if reason in (None, "") else reason)

    def _holds(self, rule: Any, names: dict[str, Any]) -> bool:
        """Whether a rule is met. One that cannot be read for this result is not: ``ok`` decides."""
        return rule is not None and bool(self._read(rule, names))

    def _verdict(self, name: str, expression: Any, names: dict[str, Any], status: int) -> bool | Result:
        """Yes or no, or the entity's result where its expression says neither."""
        try:
            value = expression(names)
        except EntityError as error:
            return _in_doubt(f"results.{name}: {error}", status)
        unclear = no_verdict(value)
        if unclear is None:
            return bool(value)
        return _in_doubt(f"results.{name} {unclear}: {reason_text(names['item'])}", status)

    def _read(self, expression: Any, names: dict[str, Any]) -> Any:
        """What matters less than the verdict: where it cannot be read there is none."""
        if expression is None:
            return None
        try:
            return expression(names)
        except EntityError:
            return None


def _in_doubt(reason: str, status: int, cause: str = "unreadable") -> Result:
    return Result("in_doubt", reason=reason_text(reason), http_status=status, cause=cause)


def _all_in_doubt(part: Sequence[Outbound], status: int, reason: str, cause: str) -> list[Result]:
    return [_in_doubt(reason, status, cause)] * len(part)
