"""Tells "the answer says that there is nothing" from "the answer does not say"."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_integrations.expressions.expression import Expression

__all__ = ["missing_place", "reported_error"]

_ANSWER = frozenset({"body", "headers"})
_GONE = object()


def reported_error(body: Any) -> str | None:
    """``errors`` or ``error`` where an answer has such a field that is not empty: GraphQL, JSON-RPC and others."""
    if isinstance(body, dict):
        for name in ("errors", "error"):
            if body.get(name):
                return name
    return None


def missing_place(expression: Expression, names: Mapping[str, Any]) -> str | None:
    """A place in the answer that an expression reads and that does not exist, such as ``body.data.items``.

    A place exists where its value is null, and where it is an item of a list that is shorter. It does not exist below
    null: ``{"data": null}`` says nothing of ``body.data.items``. ``body.items or []`` reads no place that must exist.
    """
    bound = {
        target.id
        for node in ast.walk(expression.parsed.body)
        if isinstance(node, ast.comprehension)
        for target in ast.walk(node.target)
        if isinstance(target, ast.Name)
    }
    for steps in _places(expression.parsed.body):
        if steps[0] in _ANSWER and steps[0] not in bound and not _exists(steps, names):
            return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]
    return None


def _exists(steps: list[str | int], names: Mapping[str, Any]) -> bool:
    value: Any = names.get(str(steps[0]))
    if value is None and len(steps) == 1:
        return False  # an answer without content
    for step in steps[1:]:
        if isinstance(step, int):
            if not isinstance(value, list | tuple):
                return False
            if not -len(value) <= step < len(value):
                return True  # the list is there, and says that it has no such item
            value = value[step]
        else:
            if not isinstance(value, Mapping):
                return False
            value = value.get(step, _GONE)
            if value is _GONE:
                return False
    return True


def _places(node: ast.AST) -> Iterator[list[str | int]]:
    steps = _steps(node)
    if steps is not None:
        yield steps
        return
    if isinstance(node, ast.Call):  # a method is not a field of the answer
        inner = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        if not isinstance(inner, ast.Name) or isinstance(node.func, ast.Attribute):
            yield from _places(inner)
        for argument in [*node.args, *[keyword.value for keyword in node.keywords]]:
            yield from _places(argument)
        return
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and _literal(node.values[-1]):
        return  # ``body.items or []``: the route says what a missing place means
    for child in ast.iter_child_nodes(node):
        yield from _places(child)


def _literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.List | ast.Dict | ast.Tuple)


def _steps(node: ast.AST) -> list[str | int] | None:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        base = _steps(node.value)
        return None if base is None else [*base, node.attr]
    if isinstance(node, ast.Subscript):
        base, index = _steps(node.value), _constant(node.slice)
        return None if base is None or index is None else [*base, index]
    return None


def _constant(node: ast.AST) -> str | int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant(node.operand)
        return -inner if isinstance(inner, int) else None
    if isinstance(node, ast.Constant) and type(node.value) in (str, int):
        return node.value  # type: ignore[return-value]
    return None
