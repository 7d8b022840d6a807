"""Comparisons with what is not there.

``order.status == "paid"`` is false in Python where the status is missing, and ``!=`` is true; a filter built on that
drops or keeps entities for a reason nobody wrote down. Here such a comparison is an error of the entity, unless the
expression has tested the field before it gets there: ``order.status is not None and order.status == "paid"``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import TypeAdapter

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Sees
from airflow_integrations.expressions.language.grammar import Parsed

__all__ = ["Doubt", "missing_field"]

_DOUBTFUL = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
"""The others refuse null by themselves."""


class Doubt:
    """Finds the comparisons of one expression that a missing field makes meaningless.

    Looks at what decides by itself: ``and``, ``or``, ``not``, ``if`` and the comparisons in them, not inside of loops
    and function calls.
    """

    def __init__(self, expression: Expression) -> None:
        self._parsed: Parsed = expression.parsed
        self._suspects = [path for path in map(_path, _compared(self._parsed.body)) if path is not None]
        self._compiled: dict[ast.expr, Callable[[Mapping[str, Any]], Any]] = {}

    def possible(self, names: Mapping[str, Any]) -> bool:
        """Whether any compared field is missing: cheap, and false for nearly every entity."""
        for path in self._suspects:  # noqa: SIM110 - a generator costs more than what it goes through
            if _read(names, path) is None:
                return True
        return False

    def check(self, names: Mapping[str, Any]) -> None:
        """Raises EntityError where evaluating reaches a comparison with a missing field."""
        self._value(self._parsed.body, names)

    def _value(self, node: ast.expr, names: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.BoolOp):
            stop_at = isinstance(node.op, ast.Or)
            value: Any = None
            for part in node.values:
                value = self._value(part, names)
                if bool(value) is stop_at:
                    break
            return value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self._value(node.operand, names)
        if isinstance(node, ast.IfExp):
            return self._value(node.body if self._value(node.test, names) else node.orelse, names)
        if isinstance(node, ast.Compare):
            for operand in _doubtful_operands(node):
                path = _path(operand)
                if path is not None and _read(names, path) is None:
                    field, whole = self._parsed.segment(operand), self._parsed.segment(node)
                    raise EntityError(
                        f"{field} is null or missing: test for it, such as {field} is not None and {whole}"
                    )
        if node not in self._compiled:
            text = ast.get_source_segment(self._parsed.source, node) or self._parsed.text
            adapter: TypeAdapter[Expression] = TypeAdapter(Annotated[Expression, Sees("entity")])
            self._compiled[node] = adapter.validate_python(f"({text})").compile()
        return self._compiled[node](names)


def missing_field(fields: Iterable[tuple[str, ...]], names: Mapping[str, Any]) -> str | None:
    """The first of the fields that is null or missing, as it is written in expressions."""
    for path in sorted(fields):
        if "*" not in path and _read(names, path) is None:
            return ".".join(path)
    return None


def _compared(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BoolOp):
        return [operand for part in node.values for operand in _compared(part)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _compared(node.operand)
    if isinstance(node, ast.IfExp):
        return [operand for part in (node.test, node.body, node.orelse) for operand in _compared(part)]
    return _doubtful_operands(node) if isinstance(node, ast.Compare) else []


def _doubtful_operands(node: ast.Compare) -> list[ast.expr]:
    sides = [node.left, *node.comparators]
    if not any(isinstance(operator, _DOUBTFUL) for operator in node.ops) or any(map(_names_null, sides)):
        return []
    return sides


def _names_null(node: ast.expr) -> bool:
    """``x == None`` and ``x in (None, "")`` are tests."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return any(map(_names_null, node.elts))
    return isinstance(node, ast.Constant) and node.value is None


def _path(node: ast.expr) -> tuple[str | int, ...] | None:
    """``order.customer["id"]`` as a path; None for anything computed."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        step: Any = node.attr
        inner = node.value
    elif (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, (str, int))
    ):
        step, inner = node.slice.value, node.value
    else:
        return None
    path = _path(inner)
    return None if path is None else (*path, step)


def _read(names: Mapping[str, Any], path: tuple[str | int, ...]) -> Any:
    """What is at a path; None where nothing is, and something that is not None where it leads out of plain data."""
    value: Any = names
    for step in path:
        kind = type(value)
        if kind is dict:
            value = value.get(step)
        elif kind is list and type(step) is int:
            value = value[step] if -len(value) <= step < len(value) else None
        elif value is None:
            return None
        else:
            return value
    return value
