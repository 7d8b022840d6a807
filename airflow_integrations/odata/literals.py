"""Values as literals of OData URLs, written and quoted by their type.

Version 4: OData ABNF 4.01, section 7 (https://docs.oasis-open.org/odata/odata/v4.01/). Version 2: the primitive types
of https://www.odata.org/documentation/odata-version-2-0/overview/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of, text_of
from airflow_integrations.expressions.evaluation.limits import plain_digits
from airflow_integrations.expressions.functions import moments
from airflow_integrations.window import rfc3339

__all__ = ["EdmType", "Version", "exact_number", "inferred", "literal", "local_time", "written_value"]

Version = Literal[2, 4]
EdmType = Literal[
    "string",
    "boolean",
    "int",
    "int64",
    "decimal",
    "double",
    "guid",
    "date",
    "datetime",
    "datetimeoffset",
    "time",
    "duration",
]

MAX_LISTED = 1000
"""Values of one list behind ``in``: servers bound a URL to some thousand characters."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d{1,12})?))?", re.ASCII)
_DURATION = re.compile(r"-?P(?=.)(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?", re.ASCII)
_NUMBERS = ("int", "int64", "decimal", "double")
_SUFFIXES = {"int64": "L", "decimal": "M", "double": "d"}


def literal(value: Any, type_: EdmType | None, version: Version) -> str:
    """The value as it stands in a filter or key. Without a type, it is that of the value; a text is a string.

    A list becomes ``(…,…)``, for ``in``. Raises EntityError for a value that is not of the type.
    """
    if value is None:
        return "null"
    if isinstance(value, (list, tuple)):
        return _listed(value, type_, version)
    named = type_ or inferred(value, version)
    written = written_value(value, named, version)
    if version == 4:
        if named == "string":
            return _quoted(written)
        return f"duration'{written}'" if named == "duration" else written
    if named == "string":
        return _quoted(written)
    if named in ("guid", "datetime", "datetimeoffset", "time"):
        return f"{named}'{written}'"
    return written + _SUFFIXES.get(named, "")


def _listed(values: list[Any] | tuple[Any, ...], type_: EdmType | None, version: Version) -> str:
    if version == 2:
        raise EntityError("version 2 has no operator in; compare with each value: A eq @a or A eq @b")
    if not 0 < len(values) <= MAX_LISTED:
        raise EntityError(f"a list behind in has 1 to {MAX_LISTED} values, and this one has {len(values)}")
    if any(isinstance(value, (list, tuple)) for value in values):
        raise EntityError("a list behind in holds plain values, and this one holds lists")
    return f"({','.join(literal(value, type_, version) for value in values)})"


def inferred(value: Any, version: Version) -> EdmType:
    """The type of a value that none is named for. Raises EntityError for an object."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int"
    if isinstance(value, Decimal):
        return "decimal"
    if isinstance(value, datetime):
        return "datetimeoffset"
    if isinstance(value, date):
        return "date" if version == 4 else "datetime"
    raise EntityError(f"a literal is a text, a number, true, false, a date or a moment, and this is {kind_of(value)}")


def written_value(value: Any, type_: EdmType, version: Version) -> str:
    """The value as its type writes it, without quotes and marks. Raises EntityError where it is not of the type."""
    try:
        return _WRITERS[type_](value, type_, version)
    except (ValueError, InvalidOperation, OverflowError):
        raise EntityError(f"{_shown(value)} is not of the type {type_}") from None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text(value: Any, type_: EdmType, version: Version) -> str:
    return text_of(value)


def _boolean(value: Any, type_: EdmType, version: Version) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value in ("true", "false"):
        return str(value)
    raise ValueError


def exact_number(value: Any) -> int | Decimal:
    """A number, or the number that a text writes, exactly. Raises ValueError or InvalidOperation for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        raise ValueError
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?\d{1,400}(?:\.\d{1,400})?", value.strip(), re.ASCII):
            raise ValueError
        text = value.strip()
        return Decimal(text) if "." in text else int(text)
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError
    return value


def _number(value: Any, type_: EdmType, version: Version) -> str:
    number = exact_number(value)
    if isinstance(number, int):
        return str(number)
    written = plain_digits(number)  # of 1e999999999 it would not fit into memory
    if type_ in ("int", "int64"):
        if number != number.to_integral_value():
            raise ValueError
        return str(int(number))
    return written


def _guid(value: Any, type_: EdmType, version: Version) -> str:
    text = text_of(value).strip()
    if not _GUID.fullmatch(text):
        raise ValueError
    return text


def _date(value: Any, type_: EdmType, version: Version) -> str:
    if version == 2:
        raise EntityError("version 2 has no type date; write type: datetime")
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat() if value.tzinfo else value.date().isoformat()
    found: date = moments.date(value)
    return found.isoformat()


def local_time(value: Any) -> datetime:
    """A time without a zone: of a moment that in UTC, of a date its midnight. Raises EntityError for no date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    found: datetime = moments.moment(value, tz="UTC").astimezone(UTC)
    return datetime.combine(found.date(), found.time())  # pendulum's own reckon spans of their own


def _datetime(value: Any, type_: EdmType, version: Version) -> str:
    if version == 4:
        raise EntityError("version 4 has no type datetime; write type: datetimeoffset, or date")
    return local_time(value).isoformat()


def _moment(value: Any, type_: EdmType, version: Version) -> str:
    return rfc3339(moments.moment(value))


def _time(value: Any, type_: EdmType, version: Version) -> str:
    found = _TIME.fullmatch(text_of(value).strip())
    if found is None:
        raise ValueError
    if version == 4:
        return found.group(0) if found.group(3) else f"{found.group(0)}:00"
    seconds = (found.group(3) or "0").lstrip("0")
    return f"PT{int(found.group(1))}H{int(found.group(2))}M{seconds if seconds[:1].isdigit() else f'0{seconds}'}S"


def _duration(value: Any, type_: EdmType, version: Version) -> str:
    text = text_of(value).strip()
    if version == 2:
        raise EntityError("version 2 has no type duration")
    if len(text) > 100 or not _DURATION.fullmatch(text):
        raise ValueError
    return text


_WRITERS: dict[EdmType, Callable[[Any, EdmType, Version], str]] = {
    "string": _text,
    "boolean": _boolean,
    "int": _number,
    "int64": _number,
    "decimal": _number,
    "double": _number,
    "guid": _guid,
    "date": _date,
    "datetime": _datetime,
    "datetimeoffset": _moment,
    "time": _time,
    "duration": _duration,
}


def _shown(value: Any) -> str:
    try:
        text = text_of(value)
    except EntityError:
        return kind_of(value)
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
