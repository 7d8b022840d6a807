"""What the first entities have in common: from it the types of columns are made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow_integrations.errors import EntityError

__all__ = ["Shape", "merged", "type_of"]

Shape = Any
"""None (nothing but null was there), ``"string"``, ``"boolean"``, of numbers ``(digits before the point, digits behind
it, least, most)``, ``[shape]`` of lists, ``{field: shape}`` of objects."""
MAX_DIGITS = 76
MAX_FIELDS = 10_000
_INT64, _UINT64 = (-(2**63), 2**63 - 1), (0, 2**64 - 1)


def merged(shape: Shape, value: Any, path: str = "", depth: int = 0) -> Shape:
    """The shape that also fits this value; the old one stays as it is. Raises EntityError where there is none."""
    if value is None:
        return shape
    if depth > 50:
        raise EntityError("it is nested over 50 deep", field=path[:300])
    if isinstance(value, dict):
        if shape is not None and not isinstance(shape, dict):
            raise _differs(value, shape, path)
        fields = dict(shape or {})
        for name, each in value.items():
            fields[name] = merged(fields.get(name), each, f"{path}.{name}" if path else name, depth + 1)
        if len(fields) > MAX_FIELDS:
            raise EntityError(f"the file would have over {MAX_FIELDS:,} columns; name them in parquet.columns")
        return fields
    if isinstance(value, list):
        if shape is not None and not isinstance(shape, list):
            raise _differs(value, shape, path)
        inner = shape[0] if shape else None
        for at, each in enumerate(value):
            inner = merged(inner, each, f"{path}[{at}]", depth + 1)
        return [inner]
    if isinstance(value, (bool, str)):
        kind = "boolean" if isinstance(value, bool) else "string"
        if shape not in (None, kind):
            raise _differs(value, shape, path)
        return kind
    if shape is not None and not isinstance(shape, tuple):
        raise _differs(value, shape, path)
    return _number(shape, Decimal(value), path)


def _number(shape: tuple[int, int, Decimal, Decimal] | None, number: Decimal, path: str) -> Shape:
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise EntityError("it is not a finite number", field=path[:300])
    behind = max(0, -exponent)
    before = max(0, len(digits) + exponent) if number else 0
    if shape is not None:
        before, behind = max(before, shape[0]), max(behind, shape[1])
    if before + behind > MAX_DIGITS:
        raise EntityError(
            f"with it the column has over {MAX_DIGITS} digits, which Parquet cannot hold", field=path[:300]
        )
    least, most = (number, number) if shape is None else (min(number, shape[2]), max(number, shape[3]))
    return before, behind, least, most


def type_of(shape: Shape) -> Any:
    """The type, as ``columns`` of the options has it."""
    if isinstance(shape, dict):
        return {name: type_of(inner) for name, inner in shape.items()} or "json"
    if isinstance(shape, list):
        return [type_of(shape[0])]
    if not isinstance(shape, tuple):
        return shape or "string"
    before, behind, least, most = shape
    if behind == 0:
        for name, (low, high) in (("int64", _INT64), ("uint64", _UINT64)):
            if low <= least and most <= high:
                return name
    digits = 38 if before + behind <= 38 else MAX_DIGITS
    return f"decimal({digits}, {behind})"


def _differs(value: Any, shape: Shape, path: str) -> EntityError:
    kinds: dict[type, str] = {dict: "an object", list: "a list", tuple: "a number", str: f"a {shape}"}
    found = {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}.get(type(value), "a number")
    return EntityError(f"it is {found}, and the column has {kinds[type(shape)]} in other entities", field=path[:300])
