"""Walks from page to page and notices when it walks in a circle or misses records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.incoming.http_asking import Said
from airflow_integrations.incoming.http_draft import Draft
from airflow_integrations.incoming.http_paging import Pagination, whole_number

__all__ = ["Pager"]

MOST_EMPTY = 1000
"""Pages without a record, one after the other, that each claim another page after them."""


class _Circle:
    """Notices a sequence that goes in a circle of whatever length, remembering two of its members (Brent)."""

    def __init__(self, last: str = "", mark: str = "", power: int = 1, steps: int = 0) -> None:
        self._last, self._mark, self._power, self._steps = last, mark, power, steps

    def closed_by(self, member: Any) -> bool:
        """Whether this member has been seen: at once for the one before, after a few rounds for an earlier one."""
        print_ = hashlib.sha256(encode_anyhow(member)).hexdigest()[:24]  # SHA-256: processors compute it themselves
        if print_ in (self._last, self._mark):
            return True
        self._last = print_
        self._steps += 1
        if self._steps >= self._power:
            self._mark, self._power, self._steps = print_, self._power * 2, 0
        return False

    def dump(self) -> list[Any]:
        return [self._last, self._mark, self._power, self._steps]


@dataclass(slots=True)
class _Progress:
    records: int
    empty: int
    marks: _Circle
    contents: _Circle


class Pager:
    """The way through one fetch. What it keeps does not grow with the number of pages."""

    def __init__(self, paging: Pagination, place: str) -> None:
        self._paging = paging
        self._place = place
        self._progress = _Progress(0, 0, _Circle(), _Circle())

    def first(self) -> dict[str, Any]:
        return {}

    def restore(self, saved: Any) -> dict[str, Any]:
        """The place behind a page that an earlier fetch has committed. Raises AnswerError for another kind's."""
        try:
            if saved["v"] != 1 or saved["style"] != self._paging.style:
                raise ValueError
            self._progress = _Progress(
                saved["records"], saved["empty"], _Circle(*saved["marks"]), _Circle(*saved["contents"])
            )
            at: dict[str, Any] = saved["at"]
        except (KeyError, TypeError, ValueError):
            raise AnswerError(f"{self._place}: the saved place is of another kind than this incoming's") from None
        return at

    def dump(self, at: dict[str, Any]) -> dict[str, Any]:
        """A JSON value from which :meth:`restore` goes on at ``at``."""
        so_far = self._progress
        return {
            "v": 1,
            "style": self._paging.style,
            "at": at,
            "records": so_far.records,
            "empty": so_far.empty,
            "marks": so_far.marks.dump(),
            "contents": so_far.contents.dump(),
        }

    def place_in(self, draft: Draft, at: dict[str, Any]) -> Draft:
        return self._paging.place_in(draft, at)

    def advance(self, at: dict[str, Any], said: Said, raw: list[Any]) -> dict[str, Any] | None:
        """The place of the next page, decided on what the server sent; None behind the last.

        Raises AnswerError for a page or a token that came before, and for a total that is not reached.
        """
        paging, so_far = self._paging, self._progress
        so_far.records += len(raw)
        so_far.empty = 0 if raw else so_far.empty + 1
        total = whole_number(said, paging.total, "pagination.total") if paging.total is not None else None
        more = self._more(said) if paging.more is not None else None
        ended = not more if more is not None else (None if total is None else so_far.records >= total)
        following = paging.after(at, said, len(raw), ended)
        if more is False:
            following = None
        if raw and (at or following is not None) and so_far.contents.closed_by(raw):
            raise AnswerError(
                f"{said.place}: the same page came twice; the server seems to ignore how the next one is asked for "
                f"(pagination.style {paging.style}, after {so_far.records} records)"
            )
        if following is None:
            if total is not None and so_far.records < total:
                raise AnswerError(
                    f"{said.place}: {so_far.records} of {total} records came and there is no further page: "
                    f"{total - so_far.records} are missing"
                )
            return None
        mark = paging.mark(following)
        if mark is not None and so_far.marks.closed_by(mark):
            raise AnswerError(
                f"{said.place}: the pages go in a circle: one leads back to a page that came before "
                f"(pagination.style {paging.style}, after {so_far.records} records)"
            )
        if so_far.empty > MOST_EMPTY:
            raise AnswerError(f"{said.place}: {MOST_EMPTY} empty pages came one after the other")
        return following

    def _more(self, said: Said) -> bool:
        assert self._paging.more is not None
        value = said.evaluate(self._paging.more, "pagination.more")
        if value is None:
            raise AnswerError(
                f"{said.place}: pagination.more: {self._paging.more.text} gives nothing, neither true nor false"
            )
        return bool(value)
