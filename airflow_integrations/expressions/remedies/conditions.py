"""Conditions written as mappings, ``{field: status, equals: paid}``, as other tools have them: what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["condition_meant"]

_FIELD = ("field", "column", "property", "attribute", "path", "key", "left")
_OPERATOR = ("operator", "op", "operation", "comparison", "comparator")
_VALUE = ("value", "values", "right")
_COMPARES = {
    **dict.fromkeys(["equals", "equal", "eq", "is", "==", "=", "$eq"], "=="),
    **dict.fromkeys(["not_equals", "not_equal", "notequals", "notequal", "ne", "neq", "!=", "<>", "$ne"], "!="),
    **dict.fromkeys(["gt", "greater_than", "greaterthan", "greater", "larger", "above", ">", "$gt"], ">"),
    **dict.fromkeys(["gte", "ge", "greater_or_equal", "min", ">=", "$gte"], ">="),
    **dict.fromkeys(["lt", "less_than", "lessthan", "less", "smaller", "below", "<", "$lt"], "<"),
    **dict.fromkeys(["lte", "le", "less_or_equal", "max", "<=", "$lte"], "<="),
    **dict.fromkeys(["in", "one_of", "$in"], "in"),
    **dict.fromkeys(["not_in", "none_of", "$nin"], "not in"),
}
_JOINS = {"and": "and", "all": "and", "$and": "and", "or": "or", "any": "or", "$or": "or"}


def condition_meant(value: Mapping[Any, Any], root: str) -> str | None:
    """The same condition as an expression, such as ``order.status == "paid"`` for the ``root`` ``order``. None for a
    mapping whose meaning is not known."""
    given = {str(key).lower(): inner for key, inner in value.items()}
    if len(given) == 1:
        ((name, inner),) = value.items()
        if (join := _JOINS.get(str(name).lower())) is not None:
            return _joined(join, inner, root)
        if isinstance(inner, Mapping) and len(inner) == 1:  # {status: {eq: paid}}
            ((word, operand),) = inner.items()
            return _compared(name, word, operand, root)
        return None if isinstance(inner, (Mapping, list)) else _compared(name, "==", inner, root)  # {status: paid}
    field = next((given.pop(word) for word in _FIELD if word in given), None)
    operator = next((given.pop(word) for word in _OPERATOR if word in given), None)
    if len(given) != 1 or field is None:
        return None
    ((word, operand),) = given.items()
    return _compared(field, operator or "==" if word in _VALUE else word, operand, root)


def _joined(join: str, parts: Any, root: str) -> str | None:
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        return None
    told = [condition_meant(part, root) for part in parts]
    known = [part for part in told if part is not None]
    return f" {join} ".join(known) if known and len(known) == len(told) else None


def _compared(field: Any, word: Any, operand: Any, root: str) -> str | None:
    compare = _COMPARES.get(str(word).lower())
    if compare is None or not isinstance(field, str) or not all(part.isidentifier() for part in field.split(".")):
        return None
    right = _constant(operand)
    return None if right is None else f"{field if '.' in field else f'{root}.{field}'} {compare} {right}"


def _constant(operand: Any) -> str | None:
    if operand is None or isinstance(operand, bool):
        return str(operand)
    if isinstance(operand, str):
        return f'"{operand}"' if operand.isprintable() and '"' not in operand and "\\" not in operand else None
    if isinstance(operand, list):
        parts = [_constant(part) for part in operand[:10]]
        return None if None in parts else f"[{', '.join(map(str, parts))}]"
    return None if isinstance(operand, Mapping) else str(operand)
