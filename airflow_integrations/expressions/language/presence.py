"""Tells "the answer says that there is nothing" from "the answer does not say"."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_integrations.expressions.expression import Expression

__all__ = ["missing_place", "reported_error", "reported_instead"]

_ANSWER = frozenset({"body", "headers"})
_GONE = object()


def reported_error(body: Any) -> str | None:
    """``errors`` or ``error`` where an answer has such a field that is not empty: GraphQL, JSON-RPC and others."""
    if isinstance(body, dict):
        for name in ("errors", "error"):
            if body.get(name):
                return name
    return None


def reported_instead(body: Any, document: Any = None) -> str | None:
    """What an answer without records reports in the place of them; None where it reports nothing.

    Besides :func:`reported_error`: a fault, a success that is false, a status that is an error. ``document`` is what an
    XML answer has around its records: there an error may stand at any depth, as in a SOAP fault.
    """
    name = reported_error(body)
    if name is None and isinstance(body, dict):
        name = next((f"{key}: {value}" for key, value in body.items() if _is_failure(str(key), value)), None)
    return name or _reported_in(document, 0)


_DEEP = 8
_NAMES_ERROR = frozenset({"error", "errors", "fault", "exception"})
_SAYS_WHETHER = frozenset({"success", "ok", "succeeded"})
_STATES = frozenset({"status", "result", "state"})
_FAILED = frozenset({"error", "fail", "failed", "failure", "exception"})
_NONE = frozenset({"", "0", "false", "no", "none", "null", "ok"})


def _is_failure(key: str, value: Any) -> bool:
    name = key.rpartition(":")[2].lstrip("@").lower()
    text = value.strip().lower() if isinstance(value, str) else None
    if name in _NAMES_ERROR:
        return bool(value) if text is None else text not in _NONE
    if name in _SAYS_WHETHER:
        return value is False or text == "false"
    return name in _STATES and text in _FAILED


def _reported_in(value: Any, depth: int) -> str | None:
    if depth > _DEEP:
        return None
    if isinstance(value, list):
        return next((name for one in value[:100] if (name := _reported_in(one, depth + 1))), None)
    if not isinstance(value, dict):
        return None
    for key, inner in value.items():
        if _is_failure(key, inner):
            return str(key)
        if (name := _reported_in(inner, depth + 1)) is not None:
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
