"""The JSON of OData's entities: version 2's dates, links and nested lists read as plain values, and values written by
their types.

Version 2: https://www.odata.org/documentation/odata-version-2-0/json-format/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.limits import plain_digits
from airflow_integrations.expressions.functions import moments
from airflow_integrations.odata.literals import EdmType, Version, exact_number, local_time, written_value
from airflow_integrations.window import rfc3339

__all__ = ["DEEPEST", "IncompleteError", "PropertyTypes", "mind_nested_pages", "plain_of_v2"]

DEEPEST = 60
"""Objects inside objects; no service expands so deep."""

_V2_DATE = re.compile(r"/Date\((-?\d{1,18})(?:([+-])(\d{1,4}))?\)/", re.ASCII)
_EPOCH = datetime.combine(date(1970, 1, 1), time.min)
_OF_ANSWERS = frozenset({"@odata.context", "@odata.etag"})
"""What a service says about an entity that it gives; in a request they say nothing."""
_MARKS = frozenset({"__metadata", "__deferred", "__count", "__next"})


class IncompleteError(Exception):
    """An expanded list has more elements than came with its entity."""


def plain_of_v2(value: Any, depth: int = 0, place: str = "") -> Any:
    """An entity of version 2 as plain values: dates in ISO 8601, expanded lists as lists, without what is not data.

    Raises IncompleteError where an expanded list goes on elsewhere.
    """
    if depth > DEEPEST:
        raise IncompleteError(f"it is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        return _date(value) if value.startswith("/Date(") else value
    if isinstance(value, list):
        return [plain_of_v2(element, depth + 1, place) for element in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("results"), list) and value.keys() <= {"results", "__count", "__next"}:
        if value.get("__next"):
            raise IncompleteError(f"{place or 'a list'} has more than came with it (__next)")
        return plain_of_v2(value["results"], depth, place)
    return {
        name: plain_of_v2(inner, depth + 1, name)
        for name, inner in value.items()
        if name not in _MARKS and not (isinstance(inner, dict) and "__deferred" in inner)
    }


def mind_nested_pages(value: Any, depth: int = 0) -> None:
    """Raises IncompleteError where an expanded list of an entity of version 4 goes on behind a link."""
    if depth > DEEPEST:
        raise IncompleteError(f"it is nested more than {DEEPEST} deep")
    if isinstance(value, list):
        for element in value:
            mind_nested_pages(element, depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if inner and name.endswith(("@odata.nextLink", "@nextLink")):
                raise IncompleteError(f"{name.partition('@')[0]} has more than came with it ({name})")
            mind_nested_pages(inner, depth + 1)


def _date(text: str) -> str:
    """Milliseconds since 1970: with an offset a moment, without one a time that no zone is told of."""
    found = _V2_DATE.fullmatch(text)
    if found is None:
        return text
    try:
        moment = _EPOCH + timedelta(milliseconds=int(found.group(1)))
    except OverflowError:
        return text
    if found.group(2):
        return rfc3339(moment.replace(tzinfo=UTC))
    return moment.isoformat()


class PropertyTypes:
    """Which properties of a body have types that its values do not show; ``items/quantity`` is one of a nested list."""

    def __init__(self, types: Mapping[str, EdmType], version: Version) -> None:
        self._version = version
        self._tree: dict[str, Any] = {}
        for path, type_ in types.items():
            *above, last = path.split("/")
            at = self._tree
            for step in above:
                at = at.setdefault(step, {})
            at[last] = type_

    def written(self, value: Any) -> Any:
        """The body with each value as JSON of its type; of version 2, decimals become texts. Raises EntityError."""
        return self._written(value, self._tree, "", 0)

    def _written(self, value: Any, types: Any, place: str, depth: int) -> Any:
        if depth > DEEPEST:
            raise EntityError(f"the body is nested more than {DEEPEST} deep", field=place)
        if isinstance(value, dict):
            inner = types if isinstance(types, dict) else {}
            listed = self._version == 2 and value.keys() == {"results"}
            return {
                name: self._written(
                    each, types if listed else inner.get(name), f"{place}.{name}".lstrip("."), depth + 1
                )
                for name, each in value.items()
                if name not in _OF_ANSWERS
            }
        if isinstance(value, (list, tuple)):
            return [self._written(element, types, place, depth + 1) for element in value]
        if value is None:
            return None
        if isinstance(types, str):
            try:
                return json_value(value, types, self._version)  # type: ignore[arg-type]
            except EntityError as error:
                raise EntityError(error.reason, field=place) from None
        if self._version == 2 and isinstance(value, Decimal):
            try:
                return plain_digits(value)
            except EntityError as error:
                raise EntityError(error.reason, field=place) from None
        return value


def json_value(value: Any, type_: EdmType, version: Version) -> Any:
    """A value as JSON of its type. Raises EntityError where it is not of the type."""
    if type_ == "boolean":
        return written_value(value, type_, version) == "true"
    if type_ in ("int", "int64", "decimal", "double"):
        text = written_value(value, type_, version)
        if version == 2 and type_ != "int":
            return text
        try:
            return exact_number(text)
        except (ValueError, InvalidOperation):
            raise EntityError(f"{text[:60]} is not a number") from None
    if version == 2 and type_ in ("datetime", "datetimeoffset"):
        if type_ == "datetime":
            return f"/Date({_milliseconds(local_time(value))})/"
        return f"/Date({_milliseconds(local_time(moments.moment(value)))}+0000)/"
    return written_value(value, type_, version)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
