"""Find the cursor that passes over nothing, whatever changed at the source while its pages were read.

The field of a cursor grows with every change. A record that was read on an early page may change while later ones are
read, and a later page may bring a greater value than that change has got. If the greatest value that came became the
cursor, nobody would ever ask for the change. So the cursor is the greatest value that the source **surely had before
the first request**.

Why that is right: let ``c`` be such a value, and take any change whose value is not above ``c``. Values grow, so it was
made before the first request. If its value is above what this run asked for, the run has read it, or a later state of
the record; else an earlier run has, by the same argument. What was changed during the run has a value above ``c``, and
the next run reads it. The records above ``c`` that this run did read come once more; push finds them *unchanged*.

Such values are:

1. All that earlier runs saw (``known``). So whatever comes, no value holds the cursor back for more than one run, and
   nothing is read more than twice.
2. All of the first page, where a page shows one moment, and pages are read one after the other: what changes after
   that moment is greater. A fetch of one page, and one whose newest records come first, lose nothing by it.
3. Times that are older than the newest one that came by more than the fetch took until then: the newest is not later
   than the source's clock was, and that ran as long as ours. This needs to know nothing about the source's clock,
   but that it is one.
4. Of numbers and texts, where none is below one that came before it: all but those of the last page. Such an order is
   no proof, only strong evidence: see below. After a break, when minutes may have passed, no more are added.

Where the source itself gives its records in the order of the field, nothing of this is needed: a change then comes
behind what was read, or the fetch has ended below it. Then all values count.

Other ways to be asked for what is new need none of this. SQL orders by the cursor's column. A window's end is decided
before the first request. The delta link of OData is the service's own promise. Files are known by name and content.

What remains: rule 4 is wrong where the records come in another order (by id, say), no value shows it, a record that was
read changes while others are read, and then more than a page of new records come with values that happen to grow. With
times this cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from airflow_integrations.incoming.sort_value import (
    DIGITS,
    LOCAL_TIME,
    NUMBER,
    TEXT,
    TIME,
    SortValue,
    of_text,
    of_text_only,
)
from airflow_integrations.staging.manifest import PagesSeen

__all__ = ["MARGIN", "CursorPages", "greater"]

MARGIN = timedelta(minutes=1)
"""Times may be cut to seconds or minutes, and the clocks of a source's servers are not quite one."""
MOST = 64
"""So many times that may yet turn out to be old enough are remembered."""


class CursorPages:
    """``way`` says how the kind reads its pages, see :class:`Incoming`. ``seen`` is what earlier attempts have seen;
    ``taken`` gives the seconds since before the first request; ``went_on``: this attempt goes on from a saved place."""

    def __init__(
        self,
        way: Literal["ordered", "pages", "apart"],
        seen: PagesSeen,
        taken: Callable[[], float],
        *,
        went_on: bool,
    ) -> None:
        self._way = way
        self._taken = taken
        self._went_on = went_on
        self.known = seen.known
        """The greatest value that earlier runs saw, or the route's cursor; None: nothing is known."""
        self._began = seen.began
        self._pages = seen.pages
        self._first = _restored(seen.first)
        self._grown = _restored(seen.grown)
        self._newer = [value for each in seen.newer if (value := _restored(each)) is not None]
        """Times above ``limit``, which may still rise to them: the greatest of all at the end of a page, ascending."""
        self.top = _restored(seen.top)
        """The greatest value that came in this run."""
        self.old = _restored(seen.old)
        """The greatest time that is surely older than the first request."""
        self.limit = seen.limit
        """Times up to here surely are."""
        self.grows = seen.grows
        """Whether no value was below one that came before it."""

    def page_ends(self, top: SortValue | None, old: SortValue | None, *, grows: bool, found: bool) -> None:
        """Take note of what a page has changed. ``found``: it had values."""
        before, self.top, self.old, self.grows = self.top, top, old, grows
        self._pages += 1
        if self._pages == 1:
            self._first = top
        if top is None:
            return
        if top.kind in (TIME, LOCAL_TIME):
            self._age(top, self._taken())
        elif found and not self._went_on:
            self._grown = before

    def _age(self, top: SortValue, seconds: float) -> None:
        try:
            limit: datetime = top.order[0] - timedelta(seconds=max(seconds, 0.0)) - MARGIN
        except OverflowError:  # the year 1
            return
        if self.limit is None or limit > self.limit:
            self.limit = limit
        if not self._newer or top.order > self._newer[-1].order:
            self._newer.append(top)
        while self._newer and self._newer[0].order[0] <= self.limit:
            value = self._newer.pop(0)
            if self.old is None or value.order > self.old.order:
                self.old = value
        if len(self._newer) > MOST:
            self._newer = self._newer[1::2]

    @property
    def whole(self) -> bool:
        """Whether every value counts."""
        return self._way == "ordered" or (self._way == "pages" and self._pages <= 1)

    def there_before(self) -> Iterator[SortValue]:
        """Values of this run that the source surely had before the first request."""
        found = [self.old]
        if self._way == "pages":
            found += [self._first, self._grown if self.grows else None]
        yield from (value for value in found if value is not None)

    def seen(self) -> PagesSeen:
        return PagesSeen(
            known=self.known,
            began=self._began,
            pages=self._pages,
            first=_dumped(self._first),
            grown=_dumped(self._grown),
            newer=[(value.kind, value.text) for value in self._newer],
            top=_dumped(self.top),
            old=_dumped(self.old),
            limit=self.limit,
            grows=self.grows,
        )


def greater(one: SortValue, other: SortValue) -> SortValue:
    """The greater of two values of a field, compared as its values are."""
    kinds = {one.kind, other.kind}
    if len(kinds) > 1 and kinds != {NUMBER, DIGITS}:
        return other if other.text > one.text else one
    return other if other.order > one.order else one


def _dumped(value: SortValue | None) -> tuple[str, str] | None:
    return None if value is None else (value.kind, value.text)


def _restored(dumped: tuple[str, str] | None) -> SortValue | None:
    if dumped is None:
        return None
    kind, text = dumped
    if kind == TEXT:
        return of_text_only(text)
    return SortValue(DIGITS, Decimal(text), text) if kind == DIGITS else of_text(text)
