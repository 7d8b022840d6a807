"""Numbers and dates as they stand in a column, exactly."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.fixed_width.options import FixedColumn

__all__ = ["Unwritable", "date_from", "date_text", "number_from", "number_text"]

_POSITIVE, _NEGATIVE = "{ABCDEFGHI", "}JKLMNOPQR"
_OVERPUNCH = {
    **{character: ("", str(digit)) for digit, character in enumerate(_POSITIVE)},
    **{character: ("-", str(digit)) for digit, character in enumerate(_NEGATIVE)},
}
_NUMBER = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?", re.ASCII)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_RUN_TOGETHER = re.compile("(?:%[Ymdyj])+")
_DAY_FIRST = re.compile(r"\d{4}-\d\d-\d\d")


class Unwritable(ValueError):
    """A value that a column cannot hold. The text says why."""


def number_from(text: str, column: FixedColumn) -> int | Decimal | None:
    """The number in a column; None for blanks. Raises ContentError."""
    written = text.strip(" ")
    fill = column.filled_with
    if fill == "*":
        written = written.strip("*")
    if not written:
        return None
    shown = written
    if column.sign == "trailing" and written[-1] in "+-":
        shown = written[-1] + written[:-1].strip()
    elif column.sign == "overpunch" and written[-1] in _OVERPUNCH:
        sign, digit = _OVERPUNCH[written[-1]]
        shown = sign + written[:-1] + digit
    elif column.sign == "leading" and written[0] in "+-":
        shown = written[0] + written[1:].strip()
    if column.type == "decimal" and column.places is None and column.point == ",":
        if "." in shown:
            raise ContentError(f"column {column.name!r} is {written!r}, which is not a decimal with a comma")
        shown = shown.replace(",", ".")
    found = _NUMBER.fullmatch(shown)
    if found is None or (found[3] is not None and (column.type == "integer" or column.places is not None)):
        what = "a whole number" if column.type == "integer" else "a decimal"
        if column.places is not None:
            what += f" whose last {column.places} digits are behind the point"
        raise ContentError(f"column {column.name!r} is {written!r}, which is not {what}")
    sign, digits, behind = found[1], found[2], found[3] or ""
    if column.type == "integer":
        return int(sign + digits)
    places = len(behind) if column.places is None else column.places
    return Decimal((int(sign == "-"), tuple(map(int, digits + behind)), -places))


def number_text(value: Any, column: FixedColumn) -> str:
    """A number as the column has it, with its sign and its fill. Raises Unwritable."""
    number = _number(value)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    whole = "".join(map(str, digits))
    if exponent > 0:
        whole, exponent = whole + "0" * exponent, 0
    whole = whole.rjust(-exponent + 1, "0")
    before, behind = (whole[:exponent], whole[exponent:]) if exponent else (whole, "")
    wanted = 0 if column.type == "integer" else column.places
    if wanted is not None:
        if behind[wanted:].strip("0"):
            raise Unwritable(f"{value} has more than {wanted} digits behind the point")
        behind = behind[:wanted].ljust(wanted, "0")
    negative = bool(sign) and bool((before + behind).strip("0"))
    text = (before.lstrip("0") + behind) if column.places is not None else (before.lstrip("0") or "0")
    if column.places is None and column.type == "decimal" and behind:
        text += column.point + behind
    text = text or "0"
    if column.sign == "overpunch":
        text = text[:-1] + (_NEGATIVE if negative else _POSITIVE)[int(text[-1])]
        return _filled(text, "", "", column)
    if column.sign == "trailing":
        return _filled(text, "", "-" if negative else " ", column)
    return _filled(text, "-" if negative else "", "", column)


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        raise Unwritable(f"{value!r} is not a number")
    if isinstance(value, str):
        if not _PLAIN.fullmatch(value) or len(value) > 1000:
            raise Unwritable(f"{value[:60]!r} is not a number")
        return Decimal(value)
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 1000):
        raise Unwritable("it is a number of too many digits")
    return Decimal(value)


def _filled(text: str, before: str, behind: str, column: FixedColumn) -> str:
    room = column.width - len(before) - len(behind)
    if len(text) > room:
        raise Unwritable(f"its {len(before + text + behind.strip())} places do not fit into {column.width}")
    fill = column.filled_with
    if column.at_left:
        return (before + text + behind).ljust(column.width, fill)
    if fill == "0":
        return before + text.rjust(room, "0") + behind
    return (before + text + behind).rjust(column.width, fill)


def date_from(text: str, column: FixedColumn) -> str | None:
    """The date in a column as ``2026-03-01``; None for blanks and zeros. Raises ContentError."""
    written = text.strip(" ")
    if not written.strip("0"):
        return None
    try:
        found = datetime.strptime(written, column.date).date()  # noqa: DTZ007 - a date has no zone
        if _RUN_TOGETHER.fullmatch(column.date) and found.strftime(column.date).zfill(len(written)) != written:
            raise ValueError  # 202602 3 and 2026121, of which only a guess makes a day
        return found.isoformat()
    except ValueError:
        raise ContentError(f"column {column.name!r} is {written!r}, which is not a date like {column.date}") from None


def date_text(value: Any, column: FixedColumn) -> str:
    """A date, the text ``2026-03-01`` or what begins so, as the column has it. Raises Unwritable."""
    try:
        if not isinstance(value, str) or not _DAY_FIRST.match(value) or value[10:11] not in ("", "T", " "):
            raise ValueError
        text = date.fromisoformat(value[:10]).strftime(column.date)
    except ValueError:
        raise Unwritable(f"{value!r} is not a date like 2026-03-01") from None
    if "%Y" in column.date and value[:4] < "1000":
        raise Unwritable(f"{value!r} is before the year 1000")
    if len(text) > column.width:
        raise Unwritable(f"its {len(text)} places do not fit into {column.width}")
    return (
        text.ljust(column.width, column.filled_with) if column.at_left else text.rjust(column.width, column.filled_with)
    )
