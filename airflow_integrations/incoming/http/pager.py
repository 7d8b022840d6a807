"""Walks from page to page and notices when it walks in a circle or misses records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.incoming import Gone, Page
from airflow_integrations.incoming.http.pagination import Pagination
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Response

__all__ = ["Pager", "beyond_bound"]

MOST_BACK = 100
"""How many times a fetch goes back for records that moved up because others left; then it goes on and says so."""
MOST_SAME = 20
"""How many pages may be one that came before, where records that came in front explain it."""


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


_COUNTS = (
    "records",
    "empty",
    "short",
    "total",
    "length",
    "high",
    "back",
    "doubt",
    "pages",
    "same",
    "row",
    "gone",
    "grew",
)


@dataclass(slots=True)
class _Progress:
    records: int
    empty: int
    short: bool
    """Whether the last page was shorter than a full one: the next request only makes sure that nothing follows."""
    total: int | None
    """What the last page said how many records there are."""
    length: int
    """Records on the last page."""
    high: int
    """Records up to the farthest place that was read."""
    back: int
    """How often it went back for records that had moved."""
    doubt: str | None
    """Why records may be missing."""
    pages: int
    """Pages with records."""
    same: int
    """Those of them that came before."""
    row: int
    """How many of these came last, one after the other."""
    gone: int
    """Listed records that had no details and were left out."""
    grew: bool
    """Whether ``total`` has ever grown: others came meanwhile, and may have pushed a page back."""
    marks: _Circle
    contents: _Circle


class Pager:
    """The way through one fetch. What it keeps does not grow with the number of pages."""

    def __init__(self, paging: Pagination, place: str) -> None:
        self._paging = paging
        self._place = place
        self._again = self._raw = 0
        self._said: Response | None = None
        self._redact: Callable[[str], str] = str
        self._progress = _Progress(0, 0, False, None, 0, 0, 0, None, 0, 0, 0, 0, False, _Circle(), _Circle())

    @property
    def empty_in_a_row(self) -> int:
        """How many pages without a record came last, one after the other."""
        return self._progress.empty

    @property
    def beyond(self) -> bool:
        """Whether the next request only makes sure that nothing follows a short page."""
        return self._progress.short

    def first(self) -> dict[str, Any]:
        return {}

    def restore(self, saved: Any) -> dict[str, Any]:
        """The place behind a page that an earlier fetch has committed. Raises AnswerError for another kind's."""
        try:
            if saved["v"] != 1 or saved["style"] != self._paging.style:
                raise ValueError
            counts = {name: saved[name] for name in _COUNTS}
            self._progress = _Progress(**counts, marks=_Circle(*saved["marks"]), contents=_Circle(*saved["contents"]))
            at: dict[str, Any] = saved["at"]
            hidden: bool = saved["hidden"]
        except (KeyError, TypeError, ValueError):
            raise AnswerError(f"{self._place}: the saved place is of another kind than this incoming's") from None
        if hidden:
            raise AnswerError(f"{self._place}: the place of the next page holds a secret and was not saved")
        return at

    def dump(self, at: dict[str, Any]) -> dict[str, Any]:
        """A JSON value from which :meth:`restore` goes on at ``at``, without secrets."""
        so_far = self._progress
        shown = {name: self._redact(value) if isinstance(value, str) else value for name, value in at.items()}
        return {
            "v": 1,
            "style": self._paging.style,
            "at": shown,
            "hidden": shown != at,
            **{name: getattr(so_far, name) for name in _COUNTS},
            "marks": so_far.marks.dump(),
            "contents": so_far.contents.dump(),
        }

    def place_in(self, draft: RequestTemplate, at: dict[str, Any]) -> RequestTemplate:
        return self._paging.place_in(draft, at)

    def unseen(self, at: dict[str, Any], said: Response, raw: list[Any]) -> list[Any]:
        """The records of the page at ``at``, without those that the page before is known to have brought."""
        return self._paging.unseen(at, said, raw)

    def advance(self, at: dict[str, Any], said: Response, raw: list[Any]) -> dict[str, Any] | None:
        """The place of the next page, decided on what the server sent; None behind the last.

        Raises AnswerError for a page or a token that came before, and for a total that is not reached.
        """
        paging, so_far, self._redact = self._paging, self._progress, said.answer.redact
        begin = so_far.records - paging.overlap_at(at)
        self._again = max(0, min(len(raw), so_far.high - begin)) if paging.by_position else 0
        self._raw, self._said = len(raw), said
        so_far.records = begin + len(raw)
        seen_before, so_far.high = so_far.records <= so_far.high, max(so_far.high, so_far.records)
        length, so_far.length = so_far.length, len(raw)
        so_far.empty = 0 if raw else so_far.empty + 1
        so_far.short = 0 < len(raw) < paging.full and paging.tells_no_end
        if said.empty:
            if so_far.total is not None and so_far.records < so_far.total:
                raise self._missing(said, so_far.total)
            return None
        total = paging.counted(said)
        self._mind_bound(said, total)
        earlier, so_far.total = so_far.total, total
        so_far.grew = so_far.grew or (total is not None and earlier is not None and total > earlier)
        more = self._more(said)
        ended = not more if more is not None else (None if total is None else so_far.records >= total)
        following = paging.after(at, said, raw, ended)
        so_far.doubt = so_far.doubt or paging.moved(at, said, raw)
        if more is False and not paging.compares:
            following = None
        if paging.by_position and at and total is not None and earlier is not None and total < earlier:
            # What was behind the records that left has moved up, onto places that were read before.
            found = paging.back(at, earlier - total, length)
            if found is not None and so_far.back < MOST_BACK:
                so_far.back += 1
                so_far.records = begin - found[1]
                so_far.length, so_far.short = length, False
                return found[0]
            so_far.doubt = f"pagination.total fell {so_far.back + 1} times"
        if (
            raw
            and not seen_before
            and not paging.compares
            and (at or following is not None)
            and self._came_before(raw, following)
        ):
            raise AnswerError(
                f"{said.place}: the same page came twice; the server seems to ignore how the next one is asked for "
                f"(pagination.style {paging.style}, after {so_far.records} records)"
            )
        if following is None:
            if total is not None and so_far.records < total:
                raise self._missing(said, total)
            return None
        mark = paging.mark(following)
        if mark is not None and so_far.marks.closed_by(mark):
            raise AnswerError(
                f"{said.place}: the pages go in a circle: one leads back to a page that came before "
                f"(pagination.style {paging.style}, after {so_far.records} records)"
            )
        if so_far.empty > paging.empty_pages:
            raise AnswerError(
                f"{said.place}: {so_far.empty} pages without a record came one after the other, and each says that "
                f"another follows (after {so_far.records} records). If the source really has that many, raise "
                f"pagination.empty_pages ({paging.empty_pages}); otherwise look what {paging.style} reads the next "
                "page from"
            )
        return following

    def _came_before(self, raw: list[Any], following: dict[str, Any] | None) -> bool:
        """Whether a page came before, and not because records moved."""
        so_far = self._progress
        so_far.pages += 1
        if not so_far.contents.closed_by(raw):
            so_far.row = 0
            return False
        so_far.same += 1
        so_far.row += 1
        explained = MOST_SAME if so_far.grew or len(raw) == 1 else 1
        if not self._paging.by_position or so_far.row > explained or so_far.same > MOST_SAME:
            return True
        so_far.doubt = so_far.doubt or "the same page came twice"
        return following is None and not so_far.grew and so_far.same == so_far.pages - 1

    def page(self, records: list[Any], following: dict[str, Any] | None = None) -> Page:
        """The page before ``following``, with what :meth:`advance` found out about it."""
        self._progress.gone += self._raw - len(records) + list(map(type, records)).count(Gone)
        resume = None if following is None else self.dump(following)
        if not self._paging.by_position or getattr(self._paging, "repeats", False):
            last = self._said if following is None else None
            return Page(records, resume, cursor=None if last is None else self._paging.newer(last))
        total = self._progress.total
        total = None if total is None else total - self._progress.gone
        return Page(records, resume, by_position=True, again=self._again, total=total, doubt=self._progress.doubt)

    def _missing(self, said: Response, total: int) -> AnswerError:
        came = self._progress.records
        return AnswerError(
            f"{said.place}: {came} of {total} records came and there is no further page: {total - came} are missing"
        )

    def _mind_bound(self, said: Response, total: int | None) -> None:
        """Raises AnswerError where the list is as long as the source lets one be."""
        at_most, came = self._paging.at_most, self._progress.records
        if at_most is None or (came < at_most and (total is None or total <= at_most)):
            return
        what = f"{came} records came" if came >= at_most else f"there are {total} records"
        raise AnswerError(beyond_bound(said.place, what, at_most))

    def _more(self, said: Response) -> bool | None:
        """Whether the answer says that another page follows; None where nothing is said to tell it."""
        paging = self._paging
        for name, condition in (("more", paging.more), ("end_when", paging.end_when)):
            if condition is None:
                continue
            value = said.evaluate(condition, f"pagination.{name}")
            if value is None:
                raise AnswerError(
                    f"{said.place}: pagination.{name}: {condition.text} gives nothing, neither true nor false"
                )
            return bool(value) == (name == "more")
        return None


def beyond_bound(place: str, what: str, at_most: int) -> str:
    """The message for a list that is as long as the source lets one be."""
    return (
        f"{place}: {what}, and the source gives {at_most} of one list at most (pagination.at_most): others may be "
        "missing. Ask for less at once: a shorter window.slice, or a narrower query; or use style keyset, which begins "
        "a new list with each page"
    )
