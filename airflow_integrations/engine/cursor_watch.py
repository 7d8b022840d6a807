"""The cursor of a source that is asked for what is newer: which value to ask for, and the greatest that came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read
from airflow_integrations.formats.partial import partial_decoder
from airflow_integrations.since import Cursor
from airflow_integrations.window import rfc3339

__all__ = ["CursorWatch", "newer_than"]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")

NUMBER, TIME, LOCAL_TIME, TEXT = "a number", "a time", "a time without a zone", "a text"
_DIGITS = "a text of digits"
"""Ordered as numbers among each other, and as texts where others are among them."""


class _Value(NamedTuple):
    kind: str
    order: Any
    """What values of one kind are compared by."""
    text: str


def newer_than(cursor: Cursor, saved: str | None) -> str | None:
    """What the source is asked for: the saved cursor less ``lag``, or ``initial``. None: everything.

    Raises AnswerError where the lag does not fit the saved value.
    """
    if saved is None:
        return _initial(cursor.initial)
    if not cursor.lag:
        return saved
    found = _of_text(saved)
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
    """Keeps the greatest value of ``cursor.field`` that records have, never one below ``saved``."""

    def __init__(self, cursor: Cursor, saved: str | None) -> None:
        self._field = cursor.field
        self._path = tuple(cursor.field.split("."))
        decoder = partial_decoder([self._path])
        assert decoder is not None
        self._decode: Callable[[msgspec.Raw], Any] = decoder.decode
        self._greatest: _Value | None = None if saved is None else _of_text(saved)
        self._guessed = saved is not None
        """The kind of a saved text is a guess until a record says what the field really is."""
        self._records = self._found = 0

    @property
    def value(self) -> str | None:
        """The greatest value as text, as the source wrote it."""
        return None if self._greatest is None else self._greatest.text

    def see(self, records: Iterable[Any]) -> None:
        """Take note of a page. Raises AnswerError where the field is of several types."""
        for record in records:
            self._records += 1
            found = self._of_record(record)
            if found is None:
                continue
            self._found += 1
            value = self._value(found)
            if self._greatest is None:
                self._greatest = value
                continue
            before = self._alike(self._greatest, value)
            if before.kind != value.kind:
                value, before = _of_text_only(value.text), _of_text_only(before.text)
            self._greatest = value if value.order > before.order else before
            self._guessed = False

    def warnings(self) -> list[str]:
        if not self._records or self._found:
            return []
        return [f"incoming.cursor.field reads {self._field}, which no record of this run has: the cursor stays"]

    def _alike(self, before: _Value, value: _Value) -> _Value:
        """``before`` as a value of the same kind. Raises AnswerError where it is none."""
        if before.kind == value.kind:
            return before
        if {before.kind, value.kind} == {TEXT, _DIGITS}:
            return before
        if self._guessed and before.kind == NUMBER and value.kind == _DIGITS:
            return _Value(_DIGITS, before.order, before.text)
        if self._guessed and value.kind in (TEXT, _DIGITS):
            return _of_text_only(before.text)
        remedy = "set the cursor anew, or name another field" if self._guessed else "name a field that has one type"
        raise AnswerError(
            f"incoming.cursor.field {self._field} has values of several types, which cannot be ordered: "
            f"{before.kind} ({before.text[:40]}) and {value.kind} ({value.text[:40]}); {remedy}"
        )

    def _of_record(self, record: Any) -> Any:
        value = record
        if type(record) is msgspec.Raw:
            try:
                value = self._decode(record)
            except (ValueError, RecursionError, ArithmeticError):
                try:
                    value = read(bytes(record))
                except ContentError:
                    return None  # the record itself is rejected, with its reason, where its key is read
        for step in self._path:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    def _value(self, found: Any) -> _Value:
        if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
            raise AnswerError(
                f"incoming.cursor.field {self._field} is neither a number nor a text in some record: "
                f"{type(found).__name__}; name a field that grows with every change"
            )
        if not isinstance(found, str):
            return _Value(NUMBER, Decimal(found), format(Decimal(found), "f"))
        value = _of_text(found)
        return _Value(_DIGITS, value.order, found) if value.kind == NUMBER else value


def _of_text(text: str) -> _Value:
    """A text as what it seems to be: a number, a time or just a text."""
    if re.fullmatch(r"-?\d+(\.\d+)?", text, re.ASCII):
        return _Value(NUMBER, Decimal(text), text)
    if _MOMENT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return _of_text_only(text)
        return _Value(LOCAL_TIME if moment.tzinfo is None else TIME, (moment, text), text)
    return _of_text_only(text)


def _of_text_only(text: str) -> _Value:
    return _Value(TEXT, text, text)
