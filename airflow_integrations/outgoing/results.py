"""Results of the single entities, read from the answer to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http_options import Results
from airflow_integrations.outgoing.wording import id_text, no_verdict, reason_text

__all__ = ["ResultsReader"]

_UNTOLD = "the target took the batch, but its answer has no result for this entity"


class ResultsReader:
    """Matches results with entities, by position or by key. What is not told, or told both ways, is in doubt."""

    def __init__(self, options: Results) -> None:
        self._items = options.items.compile()
        self._match = options.match.compile() if options.match else None
        self._ok = options.ok.compile()
        self._id = options.id.compile() if options.id else None
        self._reason = options.reason.compile() if options.reason else None
        self.surplus = 0
        """Results so far that belong to no entity of their request."""

    def read(self, names: dict[str, Any], part: Sequence[Outbound], status: int) -> list[Result]:
        """One result for each entity, in order. ``names`` are those over the answer."""
        try:
            items = self._items(names)
        except EntityError as error:
            return _all_in_doubt(part, status, f"results.items: {error}")
        if not isinstance(items, list | tuple):
            found = "nothing" if items is None else f"a {type(items).__name__}"
            return _all_in_doubt(part, status, f"results.items read {found} where the list of results belongs")
        if self._match is None:
            return self._by_position(items, names, part, status)
        return self._by_key(items, names, part, status)

    def _by_position(
        self, items: Sequence[Any], names: dict[str, Any], part: Sequence[Outbound], status: int
    ) -> list[Result]:
        if len(items) != len(part):  # which one is missing, or too many, is anybody's guess
            self.surplus += max(0, len(items) - len(part))
            return _all_in_doubt(
                part,
                status,
                f"{len(part)} entities were sent and {len(items)} results came back, so their positions say nothing; "
                "use results.match with the key that a result names",
            )
        return [self._result(item, names, status) for item in items]

    def _by_key(
        self, items: Sequence[Any], names: dict[str, Any], part: Sequence[Outbound], status: int
    ) -> list[Result]:
        assert self._match is not None
        sent = {outbound.key for outbound in part}
        told: dict[str, Result] = {}
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
            if key in told and told[key].status != result.status:
                result = Result("in_doubt", reason="the answer has results of both kinds for it", http_status=status)
            told[key] = result
        untold = Result("in_doubt", reason=_UNTOLD, http_status=status)
        return [told.get(outbound.key, untold) for outbound in part]

    def _result(self, item: Any, names: dict[str, Any], status: int) -> Result:
        names["item"] = item
        try:
            ok = self._ok(names)
        except EntityError as error:
            return Result("in_doubt", reason=reason_text(f"results.ok: {error}"), http_status=status)
        if (unclear := no_verdict(ok)) is not None:
            why = f"results.ok {unclear}: {reason_text(item)}"
            return Result("in_doubt", reason=reason_text(why), http_status=status)
        target_id = id_text(self._read(self._id, names))
        if ok:
            return Result("delivered", target_id, http_status=status)
        reason = self._read(self._reason, names)
        return Result("failed", target_id, reason_text(item if reason is None else reason), status)

    def _read(self, expression: Any, names: dict[str, Any]) -> Any:
        """What matters less than the verdict: where it cannot be read there is none."""
        if expression is None:
            return None
        try:
            return expression(names)
        except EntityError:
            return None


def _all_in_doubt(part: Sequence[Outbound], status: int, reason: str) -> list[Result]:
    return [Result("in_doubt", reason=reason_text(reason), http_status=status)] * len(part)
