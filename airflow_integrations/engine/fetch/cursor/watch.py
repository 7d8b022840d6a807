"""The cursor of a source that is asked for what is newer: which value to ask for, and which the next run asks for."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from airflow_integrations.engine.fetch.cursor.ahead import (
    Latest,
    NumbersAhead,
    is_day_first,
    is_named_as_time,
    saved_trouble,
)
from airflow_integrations.engine.fetch.cursor.pages import CursorPages, greater
from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.partial import PartReader
from airflow_integrations.incoming.sort_value import (
    DIGITS,
    LOCAL_TIME,
    NUMBER,
    TEXT,
    TIME,
    SortValue,
    of_text,
    of_text_only,
    sort_value,
    why_not_in_order,
)
from airflow_integrations.route.incremental import Cursor
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.window import rfc3339

__all__ = ["CursorWatch", "newer_than"]


def newer_than(cursor: Cursor, saved: str | None) -> str | None:
    """What the source is asked for: the saved cursor less ``lag``, or ``initial``. None: everything.

    Raises AnswerError where the lag does not fit the saved value.
    """
    if saved is None:
        return _initial(cursor.initial)
    if not cursor.lag:
        return saved
    found = of_text(saved)
    if isinstance(cursor.lag, timedelta):
        if found.kind == TIME:
            return rfc3339(found.order[0] - cursor.lag)
        if found.kind == LOCAL_TIME:
            earlier: datetime = found.order[0] - cursor.lag
            return earlier.isoformat(sep="T" if "T" in saved.upper() else " ")
    elif found.kind == NUMBER:
        lagged = found.order - cursor.lag
        return format(max(lagged, Decimal(0)) if found.order >= 0 else lagged, "f")
    wanted = "is a duration" if isinstance(cursor.lag, timedelta) else "is a number"
    raise AnswerError(
        f"incoming.cursor.lag {wanted}, but the cursor {saved!r} of field {cursor.field} is {found.kind}: "
        "a time takes a duration such as 2m, a number takes a number, a text takes no lag"
    )


def _initial(initial: str | int | datetime | None) -> str | None:
    if isinstance(initial, datetime):
        return rfc3339(initial if initial.tzinfo else initial.replace(tzinfo=UTC))
    return None if initial is None else str(initial)


class CursorWatch:
    """Keeps the greatest value of ``cursor.field`` that records have, never one below ``saved``.

    ``saved`` is the greatest that earlier runs have seen, ``staged`` the greatest that an earlier attempt of the run
    has. Times that lie ahead of ``now`` do not count. ``pages`` finds out which value may become the cursor; without
    it that is the greatest.
    """

    def __init__(
        self,
        cursor: Cursor,
        saved: str | None,
        now: float | None = None,
        *,
        staged: str | None = None,
        pages: CursorPages | None = None,
    ) -> None:
        self._pages = pages
        self._latest = None if now is None else Latest(now)
        self._numbers = None if self._latest is None else NumbersAhead(cursor.field, self._latest)
        self._ahead: list[str] = []
        self._field = cursor.field
        self._path = tuple(cursor.field.split("."))
        self._part = PartReader([self._path])
        self._saved = saved
        self._trouble = None if saved is None or now is None else saved_trouble(cursor, saved, now)
        before = staged or saved
        self._greatest: SortValue | None = None if before is None else of_text(before)
        self._guessed = before is not None
        """The kind of a saved text is a guess until a record says what the field really is."""
        self._records = self._found = 0
        if saved is not None and self._numbers is not None and (value := of_text(saved)).kind == NUMBER:
            self._numbers.see(value)

    @property
    def value(self) -> str | None:
        """What becomes the cursor, as the source wrote it; None: nothing that is known may."""
        if self._pages is None or self._pages.whole:
            return self.newest
        found = None if self._saved is None else of_text(self._saved)
        bound = self._past() if self._number_ahead() else self._greatest
        for value in self._pages.there_before():
            if bound is not None and greater(bound, value).text == bound.text:  # else it is ahead of its time
                found = value if found is None else greater(found, value)
        return None if found is None else found.text

    @property
    def newest(self) -> str | None:
        """The greatest value as text, as the source wrote it."""
        if self._number_ahead():
            past = self._past()
            return self._saved if past is None else past.text
        return None if self._greatest is None else self._greatest.text

    def _number_ahead(self) -> bool:
        """Whether the greatest value is a number that is a time in the future."""
        if self._numbers is None or self._greatest is None or self._greatest.kind not in (NUMBER, DIGITS):
            return False
        if self._greatest.text == self._saved:
            return False  # a cursor never goes back by itself
        return self._past() is not None or self._numbers.is_ahead_by_name(self._greatest)

    def _past(self) -> SortValue | None:
        """The greatest number that is a time of the past, where the greatest of all is one in the future."""
        assert self._numbers is not None
        assert self._greatest is not None
        return self._numbers.instead_of(self._greatest)

    def see(self, records: Iterable[Any], again: int = 0) -> None:
        """Take note of a page; the first ``again`` records stand where some were read before. Raises AnswerError where
        the field is of several types."""
        pages, begin, found_before = self._pages, self._records, self._found
        top, old, limit, grows = (pages.top, pages.old, pages.limit, pages.grows) if pages else (None, None, None, True)
        for record in records:
            self._records += 1
            found = self._of_record(record)
            if found is None:
                continue
            self._found += 1
            value = self._value(found)
            if self._latest is not None and self._latest.passed_by(value):
                if len(self._ahead) < 3:
                    self._ahead.append(value.text[:40])
                continue
            if self._numbers is not None and value.kind in (NUMBER, DIGITS):
                self._numbers.see(value)
            if self._greatest is None:
                self._greatest = top = value
                continue
            before = self._alike(self._greatest, value)
            if before.kind != value.kind:
                value, before, grows = of_text_only(value.text), of_text_only(before.text), False
            self._guessed = False
            if value.order > before.order:
                self._greatest = top = value
                continue
            self._greatest = before
            if top is None or top.kind != value.kind:
                top, grows = value, grows and top is None
            elif value.order >= top.order:
                top = value
            elif limit is None:
                grows = grows and self._records - begin <= again
            elif value.order[0] <= limit and (old is None or value.order > old.order):
                old = value
        if pages is not None:
            pages.page_ends(top, old, grows=grows, found=self._found > found_before)

    def note(self, manifest: Manifest) -> None:
        """Write into the manifest what the next run asks for, and what a later attempt needs to know."""
        manifest.cursor, manifest.newest = self.value, self.newest
        manifest.pages_seen = self._pages.seen() if self._pages else None

    def log(self, log: logging.Logger) -> None:
        """Say where the next run reads some of these records again."""
        if self.value != self.newest:
            log.info(
                "the cursor becomes %s and not the newest value, %s: records may have changed while others were read. "
                "The next run reads again what came above it",
                (self.value or "nothing yet")[:40],
                (self.newest or "")[:40],
            )

    def warnings(self) -> list[str]:
        told = []
        if self._trouble is not None:
            told.append(
                f"the route's saved cursor {(self._saved or '')[:40]} cannot be right: {self._trouble}. Set it "
                "with airflow-integrations cursor set, or begin again with cursor clear"
            )
        ahead = list(self._ahead)
        if self._number_ahead() and self._greatest is not None:
            ahead.append(self._greatest.text[:40])
        if ahead:
            told.append(
                f"incoming.cursor.field {self._field} has values in the future ({', '.join(ahead)}): they do not "
                "become the cursor, or everything until then would be passed over"
            )
        elif self._records and not self._found:
            told.append(f"incoming.cursor.field reads {self._field}, which no record of this run has: the cursor stays")
        return told

    def _alike(self, before: SortValue, value: SortValue) -> SortValue:
        """``before`` as a value of the same kind. Raises AnswerError where it is none."""
        if before.kind == value.kind:
            return before
        if {before.kind, value.kind} == {TEXT, DIGITS}:
            return before
        if self._guessed and before.kind == NUMBER and value.kind == DIGITS:
            return SortValue(DIGITS, before.order, before.text)
        if self._guessed and value.kind in (TEXT, DIGITS):
            return of_text_only(before.text)
        remedy = "set the cursor anew, or name another field" if self._guessed else "name a field that has one type"
        raise AnswerError(
            f"incoming.cursor.field {self._field} has values of several types, which cannot be ordered: "
            f"{before.kind} ({before.text[:40]}) and {value.kind} ({value.text[:40]}); {remedy}"
        )

    def _of_record(self, record: Any) -> Any:
        try:
            value = self._part.value(record)
        except ContentError:
            return None  # the record itself is rejected, with its reason, where its key is read
        for step in self._path:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    def _value(self, found: Any) -> SortValue:
        value = sort_value(found)
        if value is None:
            raise AnswerError(
                f"incoming.cursor.field {self._field} is neither a number nor a text in some record: "
                f"{kind_of(found)}; name a field that grows with every change"
            )
        why = why_not_in_order(value.text) if value.kind == TEXT else None
        if value.kind in (NUMBER, DIGITS) and is_named_as_time(self._field) and is_day_first(value.text):
            why = "the day or month comes before the year"
        if why is not None:
            raise AnswerError(
                f"incoming.cursor.field {self._field} has dates such as {value.text[:40]!r}, whose order as texts is "
                f"not that of the days: {why}. Name a field that is a number, RFC 3339 or an ISO date"
            )
        return value
